// The signaling WebSocket of one call: read as forgivingly as the official clients do, and opened again when it
// is lost in mid-call.

const PATH = "/api/v1/webrtc/signal";
const REOPEN_AFTER_MS = [1000, 2000, 4000];
const PING_EVERY_MS = 15000;

export function signalingUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${PATH}`;
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const textOr = (value, otherwise) => (typeof value === "string" ? value : otherwise);

// What a frame says, or { dropped: why }. A wrong-typed optional field is dropped, the frame is kept.
export function readFrame(frame) {
  if (typeof frame !== "string") return { dropped: "binary, not text" };
  let document;
  try {
    document = JSON.parse(frame);
  } catch (error) {
    return { dropped: "not JSON" };
  }
  if (!isObject(document)) return { dropped: "not an object" };
  const data = isObject(document.data) ? document.data : null;
  const message = { type: document.type, sessionId: textOr(document.sessionId, "") };
  switch (document.type) {
    case "answer":
      if (!data || !textOr(data.sdp, "")) return { dropped: "an answer without an SDP" };
      return Object.assign(message, { sdp: data.sdp });
    case "ice-candidate":
      if (!data) return { dropped: "an ice-candidate without data" };
      if (data.candidate != null && typeof data.candidate !== "string") return { dropped: "its candidate is no string" };
      return Object.assign(message, {
        candidate: data.candidate || "",
        sdpMid: textOr(data.sdpMid, null),
        sdpMLineIndex: Number.isInteger(data.sdpMLineIndex) ? data.sdpMLineIndex : null,
      });
    case "error":
      return Object.assign(message, {
        code: textOr(data && data.code, "") || "UNKNOWN", message: textOr(data && data.message, ""),
      });
    case "close":
    case "pong":
      return message;
    default:
      return { dropped: "of unknown type" };
  }
}

// handler: received(message), logged(direction, document, note), noted(text), lost(reason).
export class Signaling {
  constructor(handler) {
    this._handler = handler;
    this._socket = null;
    this._waiting = [];
    this._finished = false;
    this._timers = [];
    // The gateway's name for the session; empty before the answer.
    this.sessionId = "";
  }

  // Opens the first socket; raises when it cannot be.
  async open() {
    await this._connect();
    this._pings = setInterval(() => this._ping(), PING_EVERY_MS);
  }

  // Sends now, or as soon as there is a socket again.
  send(message) {
    if (this._socket === null) {
      this._waiting.push(message);
      return;
    }
    this._handler.logged("sent", message, "");
    this._socket.send(JSON.stringify(message));
  }

  // The last word: `close` when the session has a name, over a fresh socket when the last one was lost.
  finish() {
    if (this._finished) return;
    this._finished = true;
    clearInterval(this._pings);
    clearTimeout(this._reopening);
    this._waiting = [];
    const goodbye = this.sessionId ? { type: "close", sessionId: this.sessionId } : null;
    if (this._socket !== null) {
      if (goodbye) this.send(goodbye);
      this._socket.close(1000);
    } else if (goodbye) {
      const socket = new WebSocket(signalingUrl());
      socket.onopen = () => {
        this._handler.logged("sent", goodbye, "");
        socket.send(JSON.stringify(goodbye));
        socket.close(1000);
      };
    }
    // One that is still being opened would stay open: nobody has it in hand any more.
    if (this._opening) this._opening.close();
    this._socket = null;
  }

  _connect() {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(signalingUrl());
      this._opening = socket;
      socket.onopen = () => {
        this._opening = null;
        if (this._finished) {
          socket.close(1000);
          return;
        }
        this._socket = socket;
        socket.onclose = (event) => this._closed(socket, event);
        resolve();
      };
      socket.onclose = (event) => reject(new Error(describe(event)));
      socket.onmessage = (event) => this._received(event.data);
    });
  }

  _received(frame) {
    if (this._finished) return;
    const message = readFrame(frame);
    if (message.dropped) {
      this._handler.logged("dropped", typeof frame === "string" ? frame : "(binary)", message.dropped);
      return;
    }
    this._handler.logged("received", JSON.parse(frame), "");
    if (message.type === "answer" && !this.sessionId) this.sessionId = message.sessionId;
    this._handler.received(message);
  }

  _closed(socket, event) {
    if (this._finished || this._socket !== socket) return;
    this._socket = null;
    const reason = describe(event);
    if (this.sessionId) this._reopen(0, reason);
    else this._handler.lost(`${reason}, before the session had a name`);
  }

  // A fresh socket goes on with the session: the gateway finds it by its sessionId.
  _reopen(attempt, reason) {
    if (attempt === REOPEN_AFTER_MS.length) {
      this._handler.lost(`${reason}; ${attempt} tries to open it again failed`);
      return;
    }
    this._handler.noted(`${reason}; opened again in ${REOPEN_AFTER_MS[attempt] / 1000} s`);
    this._reopening = setTimeout(async () => {
      try {
        await this._connect();
      } catch (error) {
        if (!this._finished) this._reopen(attempt + 1, error.message);
        return;
      }
      this._handler.noted("the WebSocket is open again");
      // Shows the gateway which socket the session now has.
      this._ping();
      this._waiting.splice(0).forEach((message) => this.send(message));
    }, REOPEN_AFTER_MS[attempt]);
  }

  _ping() {
    if (this._socket !== null && this.sessionId) this.send({ type: "ping", sessionId: this.sessionId });
  }
}

const describe = (event) => `the WebSocket closed (${event.code}${event.reason ? ` ${event.reason}` : ""})`;
