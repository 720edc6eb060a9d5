"use strict";
// One stretch of time for all pictures over time: by mouse in any of them, or with the bar, by keyboard and touch.
(() => {
  const page = window.loadkitPage;
  const bar = document.getElementById("zoom");
  if (bar === null) return;
  const [from, to, shown] = ["zoom-from", "zoom-to", "zoom-shown"].map((id) => document.getElementById(id));
  const steps = Number(to.max);
  const least = 0.02;
  const linked = new Map();
  let span = 0, unit = "", part = [0, 1], busy = false;

  const axisOf = (node) => {
    if (node === null || typeof node !== "object") return null;
    const x = node.encoding?.x;
    if (x?.field === "offset_s" && Array.isArray(x.scale?.domain)) return x;
    for (const layer of node.layer ?? []) { const found = axisOf(layer); if (found) return found; }
    return null;
  };
  const round = (value) => Number(value.toPrecision(3)).toLocaleString("en");

  const tell = () => {
    const whole = part[0] <= 0 && part[1] >= 1;
    from.value = Math.round(part[0] * steps);
    to.value = Math.round(part[1] * steps);
    const [begin, end] = part.map((share) => round(share * span));
    shown.textContent = whole ? `the whole run, ${end} ${unit}` : `${begin} to ${end} of ${round(span)} ${unit}`;
    from.setAttribute("aria-valuetext", `${begin} ${unit}`);
    to.setAttribute("aria-valuetext", `${end} ${unit}`);
    for (const button of bar.querySelectorAll("button")) {
      const act = button.dataset.zoom;
      const useless = act === "in" ? part[1] - part[0] <= least : act === "earlier" ? part[0] <= 0
        : act === "later" ? part[1] >= 1 : whole;
      // Not "disabled": a button that the keyboard stands on must not go away under it.
      button.setAttribute("aria-disabled", String(useless));
    }
  };

  const show = async (begin, end, source) => {
    const length = Math.min(1, Math.max(least, end - begin));
    const first = Math.min(Math.max(0, begin), 1 - length);
    part = [first, first + length];
    tell();
    const range = length >= 1 ? null : part.map((share) => share * span);
    busy = true;
    try {
      await Promise.all([...linked].filter(([name]) => name !== source)
        .map(([, { view, signal }]) => view.signal(signal, range).runAsync()));
    } finally { busy = false; }
  };

  page.whenDrawn.push((name, view) => {
    const axis = axisOf(page.specs[name]);
    const signal = Object.keys(view.getState({ signals: (id) => id.endsWith("_offset_s"), data: () => false }).signals)[0];
    if (axis === null || signal === undefined) return;
    if (!linked.size) {
      span = axis.scale.domain[1];
      unit = axis.title.split(" ")[0];
      bar.hidden = false;
    }
    linked.set(name, { view, signal });
    view.addSignalListener(signal, (_signal, range) => {
      if (busy) return;
      if (range === null) show(0, 1, name); else show(range[0] / span, range[1] / span, name);
    });
    if (part[1] - part[0] < 1) view.signal(signal, part.map((share) => share * span)).runAsync();
    tell();
  });

  const acts = {
    in: () => show(part[0] + (part[1] - part[0]) / 4, part[1] - (part[1] - part[0]) / 4),
    out: () => show(part[0] - (part[1] - part[0]) / 2, part[1] + (part[1] - part[0]) / 2),
    earlier: () => show(part[0] - (part[1] - part[0]) / 2, part[1] - (part[1] - part[0]) / 2),
    later: () => show(part[0] + (part[1] - part[0]) / 2, part[1] + (part[1] - part[0]) / 2),
    reset: () => show(0, 1),
  };
  bar.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-zoom]");
    if (button && button.getAttribute("aria-disabled") !== "true") acts[button.dataset.zoom]();
  });
  const slid = () => {
    const [begin, end] = [Number(from.value) / steps, Number(to.value) / steps];
    // The handle that is moved gives way at the other one.
    if (document.activeElement === from) show(Math.min(begin, part[1] - least), part[1]);
    else show(part[0], Math.max(end, part[0] + least));
  };
  from.addEventListener("input", slid);
  to.addEventListener("input", slid);
})();
