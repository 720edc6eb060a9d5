// Asks for the state of the run once a second and shows it. Text from elsewhere goes into the page as text, never as
// markup. A cell is touched only when what it shows has changed, so that a screen reader and a selection are left alone.
"use strict";

const EVERY_MS = 1000;
const NAMES = {
  place: "place", ice_servers: "ICE servers", websocket: "WebSocket", answer: "answer", ice: "ICE", dtls: "DTLS",
  connected: "connected", closing: "closing", hung_up: "hung up",
};
const OUTCOMES = ["completed", "hung_up", "failed", "cancelled"];
const OVER = { late_ms: "lateness", loop_lag_ms: "loop lag", cpu_share: "CPU" };
const UNKNOWN = "–";

const at = (id) => document.getElementById(id);
const name = (key) => NAMES[key] || key;
const number = (value) => (value === null ? UNKNOWN : value.toLocaleString("en-US"));
const ms = (value) =>
  value === null ? UNKNOWN : `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en-US")} ms`;
const rate = (value) => (value === null ? UNKNOWN : `${value.toFixed(value < 1 ? 2 : 1)}/s`);
const share = (value) => (value === null ? UNKNOWN : `${Math.round(value * 100)} %`);
const clock = (unix) => new Date(unix * 1000).toLocaleTimeString("en-GB");

function length(seconds) {
  if (seconds === null) return UNKNOWN;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

function say(element, text, kind = "") {
  if (element.textContent !== text) element.textContent = text;
  if (element.dataset.kind !== kind) {
    element.dataset.kind = kind;
    element.classList.remove("bad", "late", "good");
    if (kind) element.classList.add(kind);
  }
}

// Rows of a table, each a list of cells: a text, or {text, kind, number, short, meter}. The first cell heads its row.
function rows(body, table) {
  while (body.rows.length > table.length) body.deleteRow(-1);
  table.forEach((cells, y) => {
    const row = body.rows[y] || body.insertRow();
    cells.forEach((given, x) => {
      const cell = typeof given === "string" ? { text: given } : given;
      let element = row.cells[x];
      if (!element) {
        element = document.createElement(x === 0 ? "th" : "td");
        if (x === 0) element.scope = "row";
        row.append(element);
      }
      if (cell.meter !== undefined) return meter(element, cell.meter);
      element.classList.toggle("number", Boolean(cell.number));
      element.classList.toggle("short", Boolean(cell.short));
      say(element, cell.text, cell.kind);
    });
  });
}

function meter(cell, value) {
  cell.className = "bar";
  let shown = cell.firstElementChild;
  if (!shown) {
    shown = document.createElement("meter");
    shown.setAttribute("aria-hidden", "true"); // the number beside it says the same
    cell.append(shown);
  }
  shown.value = value;
}

const short = (text) => ({ text, short: true });
const figure = (text, kind = "") => ({ text, kind, number: true });

function fitness(generator) {
  const over = [...new Set(generator.workers.flatMap((worker) => worker.over))];
  if (generator.status === "over a limit") return [`over its limit: ${over.map((key) => OVER[key]).join(", ")}`, "late"];
  if (generator.status === "silent") return ["a process is silent", "late"];
  return [generator.status, generator.status === "fit" ? "good" : ""];
}

function timeLeft(view) {
  const left = view.time_left;
  if (view.phase !== "running") return "over";
  if (left.seconds === null) return "until it is stopped";
  return left.seconds > 0 ? `${length(left.seconds)} (${left.until})` : `${left.until} is over, calls are being ended`;
}

function head(view) {
  const phases = {
    running: "running",
    ending: "over, the report is being made",
    ended: `over, exit code ${view.exit_code} (${(view.exit_name || "").replaceAll("_", " ").toLowerCase()})`,
  };
  say(at("run"), `Run ${view.run_id}, ${length(view.seconds)}, against ${view.host}`);
  say(at("news"), phases[view.phase]);
  say(at("in-progress"), number(view.calls.in_progress));
  const { arrivals } = view;
  say(at("started"), `${number(arrivals.started)}, ${rate(arrivals.started_per_s)}`);
  at("intended-box").hidden = at("dropped-box").hidden = arrivals.intended === null;
  say(at("intended"), `${number(arrivals.intended)}, ${rate(arrivals.intended_per_s)}`);
  say(at("dropped"), `${number(arrivals.dropped)}, ${rate(arrivals.dropped_per_s)}`, arrivals.dropped ? "late" : "");
  say(at("failed"), number(view.outcomes.failed), view.outcomes.failed ? "bad" : "");
  say(at("fitness"), ...fitness(view.generator));
  say(at("time-left"), timeLeft(view));
}

function calls(view) {
  const all = Math.max(1, view.calls.in_progress);
  rows(at("stages"), view.calls.stages.map(({ stage, calls: count }) =>
    [name(stage), figure(number(count)), { meter: count / all }]));
  const ended = OUTCOMES.map((outcome) => `${number(view.outcomes[outcome])} ${name(outcome)}`);
  say(at("outcomes"), `Ended so far: ${ended.join(", ")}.`);
  rows(at("latency"), [["Set-up", view.latency.setup], ["Turn", view.latency.turn]].map(([label, latency]) =>
    [label, figure(ms(latency.p50)), figure(ms(latency.p95)), figure(ms(latency.p99)), figure(number(latency.count))]));
}

function failures(view) {
  const { failures: failed } = view;
  at("failures").hidden = failed.total === 0;
  at("no-failures").hidden = failed.total > 0;
  const codes = failed.codes.map((code) =>
    [code.code, figure(number(code.calls)), short(name(code.stage)), short(clock(code.last_at)), code.meaning]);
  if (failed.other_codes_calls) codes.push(["other codes", figure(number(failed.other_codes_calls)), "", "", "too many to list"]);
  rows(at("codes"), codes);
  rows(at("newest"), failed.newest.map((one) =>
    [short(clock(one.at)), short(name(one.stage)), { text: one.code, short: one.code.length < 25 }, one.message]));
}

function generator(view) {
  const { generator: shown } = view;
  rows(at("workers"), shown.workers.map((worker) => {
    const kind = (limit) => (worker.over.includes(limit) ? "late" : "");
    const over = worker.over.map((limit) => OVER[limit]).join(", ");
    const state = worker.silent ? "silent" : over ? `over the limit: ${over}` : "";
    return [
      short(worker.worker),
      figure(number(worker.engines)),
      figure(number(worker.calls)),
      figure(ms(worker.late_ms_p99), kind("late_ms")),
      figure(ms(worker.loop_lag_ms), kind("loop_lag_ms")),
      figure(share(worker.cpu_share), kind("cpu_share")),
      figure(share(worker.locust_cpu_share)),
      { text: state, kind: state ? "late" : "" },
    ];
  }));
  const { late_ms: late, loop_lag_ms: lag, cpu_share: cpu } = shown.limits;
  const limit = (value, text) => (value === null ? "not judged" : text(value));
  say(at("limits"), `Over the last ten seconds. Limits: lateness p99 ${limit(late, ms)}; loop lag `
    + `${limit(lag, ms)} and CPU ${limit(cpu, share)}, in most seconds. The verdict at the end looks at the whole run.`);
}

function marks(view) {
  const list = at("marks");
  const texts = view.marks.map((mark) => `${clock(mark.at)}, ${length(mark.second)} after the start: ${mark.text}`);
  if (list.dataset.shown === JSON.stringify(texts)) return;
  list.dataset.shown = JSON.stringify(texts);
  list.replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

function show(view) {
  at("mark-button").disabled = view.phase !== "running";
  if (view.phase === "none") {
    say(at("news"), "no run has begun yet");
    return;
  }
  head(view);
  calls(view);
  failures(view);
  generator(view);
  marks(view);
}

async function look() {
  try {
    const answer = await fetch("state", { cache: "no-store" });
    if (answer.redirected) throw new Error("log in to Locust's page again");
    if (!answer.ok) throw new Error(`Locust answers ${answer.status}`);
    show(await answer.json());
    document.documentElement.dataset.ready = "yes";
  } catch (error) {
    const why = error instanceof TypeError ? "Locust does not answer" : error.message;
    say(at("news"), `${why}; what is shown is old`, "late");
  }
  // The next one only after this one: a slow Locust is not asked twice at once.
  setTimeout(look, EVERY_MS);
}

async function mark(event) {
  event.preventDefault();
  const field = at("mark-text");
  try {
    const answer = await fetch("marks", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text: field.value }),
    });
    const said = await answer.json();
    say(at("mark-said"), answer.ok ? `Marked: ${said.marked}` : said.error, answer.ok ? "" : "bad");
    if (answer.ok) field.value = "";
  } catch {
    say(at("mark-said"), "the mark could not be made: Locust does not answer", "bad");
  }
}

// As Locust's own page: its switch is kept in this origin's storage, and without it the system says.
function theme() {
  const asked = localStorage.getItem("theme");
  const dark = asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.classList.toggle("dark", dark);
  document.documentElement.classList.toggle("light", !dark);
}

theme();
addEventListener("storage", theme);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", theme);
at("mark-form").addEventListener("submit", mark);
look();
