"""JavaScript that tests run in the gateway's page, whichever browser it is in."""

from __future__ import annotations

import base64
import io

import av
import numpy as np

from .sound import RATE, Samples

#: Before the page's own script: keeps its peer connections, and what its policy refused.
WITNESS = """
() => {
  window.peers = [];
  window.violations = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...values) { super(...values); window.peers.push(this); }
  };
  document.addEventListener("securitypolicyviolation", (event) => {
    window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
  });
}
"""

#: Waits for the gateway's stream and keeps so many seconds of what it plays, in window.recording, as base64 of
#: the browser's own file. Not by an AudioContext: without a sound card Firefox lets none run.
START_RECORDING = """
(seconds) => {
  window.recording = (async () => {
    const sound = document.getElementById("sound");
    while (!sound.srcObject) await new Promise((resolve) => setTimeout(resolve, 5));
    const recorder = new MediaRecorder(sound.srcObject, { audioBitsPerSecond: 128000 });
    const parts = [];
    recorder.ondataavailable = (event) => parts.push(event.data);
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await new Promise((resolve) => { recorder.onstop = resolve; recorder.stop(); });
    let binary = "";
    for (const byte of new Uint8Array(await new Blob(parts).arrayBuffer())) binary += String.fromCharCode(byte);
    return btoa(binary);
  })();
}
"""

#: The selected pair, read from getStats() without the page's own code.
SELECTED_PAIR = """
async () => {
  const entries = [];
  (await window.peers[window.peers.length - 1].getStats()).forEach((entry) => entries.push(entry));
  const named = entries.find((entry) => entry.type === "transport" && entry.selectedCandidatePairId);
  const pair = named ? entries.find((entry) => entry.id === named.selectedCandidatePairId)
    : entries.find((entry) => entry.type === "candidate-pair" && entry.selected);
  const of = (id) => entries.find((entry) => entry.id === id) || {};
  const local = of(pair.localCandidateId), remote = of(pair.remoteCandidateId);
  return JSON.stringify({
    local: local.candidateType, relayProtocol: local.relayProtocol || null, remote: remote.candidateType,
  });
}
"""

#: Controls without a name.
UNNAMED = """
() => [...document.querySelectorAll("button, input, select, summary, [role=meter]")].filter((control) => {
  const labels = [...(control.labels || [])].map((label) => label.textContent);
  const by = (control.getAttribute("aria-labelledby") || "").split(" ").filter(Boolean)
    .map((id) => document.getElementById(id).textContent);
  return ![control.textContent, ...labels, ...by].join("").trim();
}).map((control) => control.outerHTML)
"""


def samples_of(recording: str) -> Samples:
    """What was recorded, at 48 kHz, full scale 1.0."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(io.BytesIO(base64.b64decode(recording)), "r") as file:
        frames = [frame for decoded in file.decode(audio=0) for frame in resampler.resample(decoded)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.float64) / 32768
