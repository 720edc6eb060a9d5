// The page: its fields and buttons on one side, one call at a time on the other.

import { Call, STAGES } from "./call.js";
import { LevelMeter } from "./levels.js";
import { MessageLog } from "./message_log.js";
import { obstacle, openMicrophone } from "./microphone.js";
import { signalingUrl } from "./signaling.js";
import { lossShare, readStatistics } from "./statistics.js";
import { meaningOf, milliseconds } from "./words.js";

const STATISTICS_EVERY_MS = 1000;

const $ = (id) => document.getElementById(id);
const log = new MessageLog($("log"), $("log-empty"));
const ownLevel = new LevelMeter($("own-level"), $("own-figure"));
const remoteLevel = new LevelMeter($("remote-level"), $("remote-figure"));

let call = null;
let audio = null;
let startedAt = performance.now();
let reachedAt = startedAt;
let statisticsTimer = null;

// Element.replaceChildren, which the older of the browsers to serve lack.
function replaceChildren(element, ...children) {
  element.textContent = "";
  element.append(...children);
}

const secondsSince = (time) => (performance.now() - time) / 1000;

// Telling

function tell(mood, word, text) {
  $("status").className = `verdict ${mood}`;
  $("status-word").textContent = word;
  $("status-text").textContent = text;
}

function tellFailure(title, sentences) {
  const box = document.createElement("div");
  box.className = "verdict bad";
  const first = document.createElement("p");
  const strong = document.createElement("strong");
  strong.textContent = title;
  first.append(strong);
  box.append(first);
  sentences.filter(Boolean).forEach((sentence) => {
    const span = document.createElement("span");
    span.textContent = sentence;
    const paragraph = document.createElement("p");
    paragraph.append(span);
    box.append(paragraph);
  });
  replaceChildren($("failure"), box);
}

function showStages() {
  replaceChildren($("stages"), ...STAGES.map((name, index) => {
    const row = document.createElement("tr");
    row.className = index ? "waiting" : "now";
    row.dataset.stage = name;
    const title = document.createElement("th");
    title.scope = "row";
    title.textContent = name;
    const took = document.createElement("td");
    const since = document.createElement("td");
    took.className = since.className = "n";
    took.textContent = since.textContent = "–";
    row.append(title, took, since);
    return row;
  }));
}

function stageReached(name, detail) {
  const now = performance.now();
  const rows = Array.from($("stages").children);
  const row = rows.find((candidate) => candidate.dataset.stage === name);
  row.className = "done";
  row.children[1].textContent = milliseconds(now - reachedAt);
  row.children[2].textContent = milliseconds(now - startedAt);
  if (detail) {
    const more = document.createElement("span");
    more.className = "stage-detail";
    more.textContent = detail;
    row.children[0].append(more);
  }
  reachedAt = now;
  const next = rows.find((candidate) => candidate.className !== "done");
  if (next) next.className = "now";
  if (!call || !call.inCall) tell("busy", "Connecting", next ? `${name} done; waiting for: ${next.dataset.stage}` : "");
}

function stagesEnded(failed) {
  Array.from($("stages").children).forEach((row) => {
    if (row.className === "now") row.className = failed ? "failed" : "waiting";
  });
}

// Figures

function show(id, figure, detail) {
  $(id).textContent = figure === null ? "–" : figure;
  $(`${id}-detail`).textContent = detail;
}

const percent = (share) => (share === null ? null : `${(share * 100).toFixed(share && share < 0.1 ? 2 : 1)} %`);
const inMilliseconds = (seconds) => (seconds === null ? null : `${(seconds * 1000).toFixed(1)} ms`);
const counted = (count, what) => (count === null ? `no ${what} reported yet` : `${count.toLocaleString("en")} ${what}`);

function candidateText(candidate) {
  const over = candidate.relayProtocol ? ` over ${candidate.relayProtocol.toUpperCase()}` : "";
  return `${candidate.type}${over} ${candidate.address}`;
}

function showStatistics(figures) {
  show("round-trip", inMilliseconds(figures.roundTrip), figures.roundTripBy ? `by ${figures.roundTripBy}` : "not measured yet");
  show("loss-in", percent(lossShare(figures.lostHere, figures.packetsReceived)),
    counted(figures.packetsReceived, "packets received"));
  // The receiver's report counts what was lost; what arrived is the rest of what was sent.
  const arrived = figures.lostThere === null || figures.packetsSent === null ? null : figures.packetsSent - figures.lostThere;
  show("loss-out", percent(lossShare(figures.lostThere, arrived)), counted(figures.packetsSent, "packets sent"));
  show("jitter", inMilliseconds(figures.jitterHere),
    figures.jitterThere === null ? "here; there not reported yet" : `here; ${inMilliseconds(figures.jitterThere)} there`);
  if (figures.local && figures.remote) {
    show("pair", `${candidateText(figures.local)} ↔ ${candidateText(figures.remote)}`,
      `this browser ↔ the gateway, ${(figures.local.protocol || "udp").toUpperCase()}`);
  }
  if (figures.codec) show("codec", figures.codec.name, figures.codec.parameters || "no parameters");
}

function forgetStatistics() {
  for (const id of ["round-trip", "loss-in", "loss-out", "jitter"]) show(id, null, "not measured yet");
  for (const id of ["pair", "codec"]) show(id, null, "none yet");
}

async function followStatistics(current) {
  if (!current.peer || current !== call) return;
  try {
    showStatistics(await readStatistics(current.peer));
  } catch (error) {
    log.note(`the browser gives no statistics: ${error.message}`, secondsSince(startedAt));
    clearInterval(statisticsTimer);
  }
}

// The call

function setBusy(busy) {
  for (const id of ["token", "mode", "path", "processing", "connect"]) $(id).disabled = busy;
  for (const id of ["mute", "hang-up"]) $(id).disabled = !busy;
  $("mute").setAttribute("aria-pressed", "false");
}

function observerOf(mode) {
  return {
    stage: stageReached,
    note: (text) => log.note(text, secondsSince(startedAt)),
    message: (direction, body, note) => log.add(direction, body, note, secondsSince(startedAt)),
    sound: (stream) => {
      $("sound").srcObject = stream;
      remoteLevel.start(audio, stream);
    },
    connected: () => {
      call.inCall = true;
      tell("good", "In the call", `Mode ${mode}. Speak; hang up when you have heard enough.`);
      const current = call;
      statisticsTimer = setInterval(() => followStatistics(current), STATISTICS_EVERY_MS);
      followStatistics(current);
    },
    ended: callEnded,
  };
}

function callEnded({ how, code, message }) {
  clearInterval(statisticsTimer);
  ownLevel.stop();
  remoteLevel.stop();
  $("sound").srcObject = null;
  if (audio) audio.close();
  audio = call = null;
  // The focus must not fall on a button that can no longer be pressed.
  const focusWasOnCall = [$("mute"), $("hang-up"), document.body].includes(document.activeElement);
  setBusy(false);
  if (focusWasOnCall) $("connect").focus();
  stagesEnded(how === "failed");
  const lasted = `after ${secondsSince(startedAt).toFixed(1)} s`;
  if (how === "hung up") tell("idle", "Ended", `You hung up ${lasted}.`);
  else if (how === "closed") tell("idle", "Ended", `The gateway hung up ${lasted}.`);
  else {
    const [meaning, lookAt] = meaningOf(code);
    tell("idle", "Ended", `The call failed ${lasted}.`);
    tellFailure(code.slice(0, 100), [`${meaning[0].toUpperCase()}${meaning.slice(1)}.`, message && `“${message.slice(0, 1000)}”`, lookAt]);
  }
}

async function connect() {
  const [token, mode, path] = ["token", "mode", "path"].map((id) => $(id).value);
  replaceChildren($("failure"));
  log.clear();
  showStages();
  forgetStatistics();
  setBusy(true);
  $("hang-up").disabled = $("mute").disabled = true;
  tell("busy", "Microphone", "Allow this page to use it, when the browser asks.");
  // Made here, while the click still counts as the user's wish to hear something.
  audio = new (window.AudioContext || window.webkitAudioContext)();
  let microphone;
  try {
    microphone = await openMicrophone($("processing").checked);
  } catch (error) {
    audio.close();
    audio = null;
    setBusy(false);
    tell("idle", "Ready", "No call was placed.");
    tellFailure("No microphone", [error.message]);
    return;
  }
  setBusy(true);
  ownLevel.start(audio, microphone);
  // The time that the permission took is the user's, not the gateway's.
  startedAt = reachedAt = performance.now();
  tell("busy", "Connecting", `Waiting for: ${STAGES[0]}`);
  call = new Call({ token, mode, path, microphone }, observerOf(mode));
  $("hang-up").focus();
  await call.start();
}

// Buttons

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!call && !$("connect").disabled) connect();
});
$("hang-up").addEventListener("click", () => { if (call) call.hangUp(); });
$("mute").addEventListener("click", () => {
  if (!call) return;
  const muted = $("mute").getAttribute("aria-pressed") !== "true";
  $("mute").setAttribute("aria-pressed", String(muted));
  call.mute(muted);
});
$("clear").addEventListener("click", () => { log.clear(); $("log-told").textContent = "cleared"; });
$("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(log.text);
    $("log-told").textContent = "copied";
  } catch (error) {
    $("log-told").textContent = "the browser does not let this page copy";
  }
});
// A page that is left hangs up.
window.addEventListener("pagehide", () => { if (call) call.hangUp(); });

$("address").textContent = signalingUrl();
showStages();
Array.from($("stages").children).forEach((row) => { row.className = "waiting"; });
const inTheWay = obstacle();
if (inTheWay) {
  $("connect").disabled = true;
  tell("odd", "No call can be placed from here", inTheWay);
}
document.documentElement.dataset.ready = "yes";
