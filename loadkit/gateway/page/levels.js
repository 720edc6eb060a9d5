// How loud a stream is, as a bar.

const SILENCE_DB = -60;
const FIGURE_EVERY_MS = 250;
const FALL_DB_PER_S = 40;

// One bar for one stream; the AudioContext is the call's. Without a sound card it may never run, and then nothing
// is measured, which is not silence.
export class LevelMeter {
  constructor(bar, figure) {
    this._bar = bar;
    this._fill = bar.firstElementChild;
    this._figure = figure;
    this._analyser = null;
    this._figureAt = 0;
    this._loudest = SILENCE_DB;
    this._shown = SILENCE_DB;
    this._drawnAt = 0;
    this.stop();
  }

  start(context, stream) {
    this.stop();
    this._context = context;
    this._source = context.createMediaStreamSource(stream);
    this._analyser = context.createAnalyser();
    this._analyser.fftSize = 2048;
    this._samples = new Float32Array(this._analyser.fftSize);
    this._source.connect(this._analyser);
    this._draw();
  }

  stop() {
    if (this._analyser) {
      cancelAnimationFrame(this._frame);
      this._source.disconnect();
      this._analyser = null;
    }
    this._fill.style.transform = "scaleX(0)";
    this._show(SILENCE_DB, "–", "no sound is measured");
  }

  _draw() {
    if (!this._analyser) return;
    this._frame = requestAnimationFrame(() => this._draw());
    if (this._context.state !== "running") return;
    this._analyser.getFloatTimeDomainData(this._samples);
    const power = this._samples.reduce((sum, sample) => sum + sample * sample, 0) / this._samples.length;
    const db = power > 0 ? Math.max(SILENCE_DB, 10 * Math.log10(power)) : SILENCE_DB;
    // Falls slowly, as meters do: speech has gaps in which an eye would see nothing.
    const now = performance.now();
    this._shown = Math.max(db, this._shown - FALL_DB_PER_S * (now - this._drawnAt) / 1000, SILENCE_DB);
    this._drawnAt = now;
    this._fill.style.transform = `scaleX(${1 - this._shown / SILENCE_DB})`;
    this._loudest = Math.max(this._loudest, db);
    // Figures that change with every picture cannot be read.
    if (now - this._figureAt > FIGURE_EVERY_MS) {
      this._figureAt = now;
      const text = this._loudest <= SILENCE_DB ? "silent" : `${Math.round(this._loudest)} dBFS`.replace("-", "−");
      this._show(this._loudest, text, text);
      this._loudest = SILENCE_DB;
    }
  }

  _show(db, text, spoken) {
    this._figure.textContent = text;
    this._bar.setAttribute("aria-valuenow", String(Math.round(db)));
    this._bar.setAttribute("aria-valuetext", spoken);
  }
}
