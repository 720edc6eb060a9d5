// One call, as the official clients place it:
//
//   ICE servers → WebSocket → peer connection → offer, at once → answer → candidates both ways → ICE → DTLS → audio
//
// Local candidates wait until the answer brings the sessionId, remote ones until the answer is applied.

import { asksForRelay, fetchIceServers, serversForPath } from "./ice_servers.js";
import { Signaling } from "./signaling.js";
import { maskText, mask } from "./words.js";

const CONNECT_LIMIT_MS = 30000;
const RECOVERY_MS = 5000;
const FIRST_PACKET_POLL_MS = 20;
const TURN_REFUSED = 401;

export const STAGES = ["ICE servers", "WebSocket", "Offer", "Answer", "ICE", "DTLS", "First packet"];

class CallFailure extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

// observer: stage(name, detail), note(text), message(direction, document, note), sound(stream), connected(),
// ended({ how: "hung up" | "closed" | "failed", code, message }).
export class Call {
  constructor({ token, mode, path, microphone }, observer) {
    this._token = token;
    this._mode = mode;
    this._path = path;
    this._microphone = microphone;
    this._observer = observer;
    this._reached = new Set();
    this._connected = false;
    this._ended = false;
    this._answered = false;
    this._answerApplied = false;
    this._localWaiting = [];
    this._remoteWaiting = [];
    this._relayErrors = [];
    this._localCandidates = 0;
    this.peer = null;
    this._signaling = new Signaling({
      received: (message) => this._received(message),
      logged: (direction, document, note) => observer.message(direction, mask(document, token), note),
      noted: (text) => this._note(text),
      lost: (reason) => this._fail("SIGNALING_LOST", reason),
    });
  }

  async start() {
    this._limit = setTimeout(() => this._fail("CONNECT_TIMEOUT", `not connected within ${CONNECT_LIMIT_MS / 1000} s`),
      CONNECT_LIMIT_MS);
    try {
      const servers = await this._iceServers();
      if (this._ended) return;
      await this._openSocket();
      if (this._ended) return;
      this._makePeer(servers);
      await this._offer();
    } catch (error) {
      this._fail(error.code && error instanceof CallFailure ? error.code : "OFFER_FAILED", error.message);
    }
  }

  hangUp() {
    this._end({ how: "hung up" });
  }

  mute(muted) {
    this._microphone.getAudioTracks().forEach((track) => { track.enabled = !muted; });
  }

  // Set-up

  async _iceServers() {
    let servers = [];
    let detail;
    try {
      servers = await fetchIceServers(this._token);
      detail = servers.length ? servers.map((server) => server.urls.join(", ")).join(", ") : "the gateway names none";
    } catch (error) {
      // Best effort, as at the official clients; but it is told.
      detail = `not to be had: ${error.message}`;
      this._note(`the ICE servers are ${detail}`);
    }
    let usable;
    try {
      usable = serversForPath(servers, this._path);
    } catch (error) {
      throw new CallFailure("TURN_UNREACHABLE", `${error.message}; it says: ${detail}`);
    }
    this._stage("ICE servers", detail);
    return usable;
  }

  async _openSocket() {
    try {
      await this._signaling.open();
    } catch (error) {
      throw new CallFailure("WEBSOCKET_REFUSED", error.message);
    }
    this._stage("WebSocket", "");
  }

  _makePeer(iceServers) {
    const peer = new RTCPeerConnection({
      iceServers, iceTransportPolicy: asksForRelay(this._path) ? "relay" : "all", bundlePolicy: "max-bundle",
    });
    this.peer = peer;
    peer.onicecandidate = (event) => this._localCandidate(event.candidate);
    peer.onicecandidateerror = (event) => this._relayErrors.push(event);
    peer.ontrack = (event) => this._trackComes(event);
    peer.oniceconnectionstatechange = () => this._iceChanged();
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "connected") this._dtlsDone();
      if (peer.connectionState === "failed") this._lost();
    };
    this._microphone.getAudioTracks().forEach((track) => peer.addTrack(track, this._microphone));
  }

  async _offer() {
    const peer = this.peer;
    await peer.setLocalDescription(await peer.createOffer());
    if (this._ended) return;
    this._watchDtls();
    this._signaling.send({
      type: "offer", sessionId: "", data: { type: "offer", sdp: peer.localDescription.sdp },
      authToken: this._token, mode: this._mode, callSid: `page-${randomName()}`,
    });
    this._stage("Offer", "");
  }

  // Signaling

  _received(message) {
    if (message.type === "answer") this._answer(message);
    else if (message.type === "ice-candidate") this._remoteCandidate(message);
    else if (message.type === "error") this._fail(message.code, message.message);
    else if (message.type === "close") {
      if (this._connected) this._end({ how: "closed" });
      else this._fail("CLOSED_EARLY", "the gateway sent close");
    }
  }

  async _answer(message) {
    if (this._answered || !this.peer) return;
    this._answered = true;
    this._stage("Answer", message.sessionId ? `session ${message.sessionId}` : "");
    this._localWaiting.splice(0).forEach((candidate) => this._tell(candidate));
    try {
      await this.peer.setRemoteDescription({ type: "answer", sdp: message.sdp });
    } catch (error) {
      this._fail("ANSWER_INVALID", error.message);
      return;
    }
    this._answerApplied = true;
    this._remoteWaiting.splice(0).forEach((candidate) => this._addRemote(candidate));
  }

  _localCandidate(candidate) {
    if (this._ended || (candidate && !candidate.candidate)) return;
    if (candidate) this._localCandidates += 1;
    const data = candidate
      ? { candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex }
      : { candidate: "", sdpMid: "0", sdpMLineIndex: 0 };
    if (this._answered) this._tell(data);
    else this._localWaiting.push(data);
    if (!candidate && !this._localCandidates && asksForRelay(this._path)) this._noRelay();
  }

  _tell(data) {
    this._signaling.send({ type: "ice-candidate", sessionId: this._signaling.sessionId, data });
  }

  _remoteCandidate(message) {
    if (this._answerApplied) this._addRemote(message);
    else this._remoteWaiting.push(message);
  }

  async _addRemote({ candidate, sdpMid, sdpMLineIndex }) {
    const place = sdpMid === null && sdpMLineIndex === null ? { sdpMLineIndex: 0 } : { sdpMid, sdpMLineIndex };
    try {
      await this.peer.addIceCandidate(Object.assign({ candidate }, place));
    } catch (error) {
      // An older browser takes no empty candidate; a bad one is the gateway's, and there may be better ones.
      if (candidate && !this._ended) this._note(`the browser cannot use a candidate of the gateway: ${error.message}`);
    }
  }

  // Media

  _iceChanged() {
    const state = this.peer.iceConnectionState;
    if (state === "connected" || state === "completed") {
      clearTimeout(this._recovery);
      this._recovery = null;
      this._stage("ICE", "");
    } else if (state === "disconnected" && !this._recovery) {
      this._note("the media connection is interrupted");
      this._recovery = setTimeout(() => this._lost(), RECOVERY_MS);
    } else if (state === "failed") this._lost();
  }

  _watchDtls() {
    const [sender] = this.peer.getSenders();
    const transport = sender && sender.transport;
    if (!transport) return;
    const look = () => {
      if (transport.state === "connected") this._dtlsDone();
      if (transport.state === "failed") this._lost();
    };
    transport.addEventListener("statechange", look);
    look();
  }

  _dtlsDone() {
    if (this._ended || this._connected) return;
    // The browser may tell of DTLS first.
    this._stage("ICE", "");
    this._stage("DTLS", "");
    this._connected = true;
    clearTimeout(this._limit);
    this._observer.connected();
  }

  _trackComes(event) {
    const stream = event.streams[0] || new MediaStream([event.track]);
    this._observer.sound(stream);
    const { receiver } = event;
    this._firstPacket = setInterval(() => {
      // Named as soon as the first packet was handed to the player.
      if (!receiver.getSynchronizationSources || !receiver.getSynchronizationSources().length) return;
      clearInterval(this._firstPacket);
      this._dtlsDone();
      this._stage("First packet", "");
    }, FIRST_PACKET_POLL_MS);
  }

  _lost() {
    if (this._connected) this._fail("MEDIA_LOST", "the browser no longer reaches the gateway");
    else if (this._reached.has("ICE")) this._fail("DTLS_FAILED", "ICE connected, and then the DTLS handshake failed");
    else if (asksForRelay(this._path) && !this._localCandidates) this._noRelay();
    else this._fail("ICE_FAILED", "every candidate pair failed");
  }

  _noRelay() {
    const refused = this._relayErrors.find((event) => event.errorCode === TURN_REFUSED);
    const error = refused || this._relayErrors[0];
    const told = error ? ` (${error.errorCode} ${error.errorText || "no text"}, ${error.url})` : "";
    this._fail(refused ? "TURN_UNAUTHORIZED" : "TURN_UNREACHABLE", `the browser got no relay address${told}`);
  }

  // Telling, and the end

  _stage(name, detail) {
    if (this._ended || this._reached.has(name)) return;
    this._reached.add(name);
    this._observer.stage(name, maskText(detail, this._token));
  }

  _note(text) {
    this._observer.note(maskText(text, this._token));
  }

  _fail(code, message) {
    this._end({ how: "failed", code: maskText(code, this._token), message: maskText(message, this._token) });
  }

  _end(ending) {
    if (this._ended) return;
    this._ended = true;
    clearTimeout(this._limit);
    clearTimeout(this._recovery);
    clearInterval(this._firstPacket);
    this._signaling.finish();
    if (this.peer) this.peer.close();
    this._microphone.getTracks().forEach((track) => track.stop());
    this._observer.ended(ending);
  }
}

function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
