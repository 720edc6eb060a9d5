// What the page says: the meaning of each error code, and texts that must not show the token.

// Code -> [what happened, what to look at].
export const MEANINGS = {
  UNAUTHORIZED: ["no token, or one that the gateway does not accept",
    "Look at the token; a Studio JWT goes stale on redeploy."],
  FORBIDDEN: ["the gateway does not permit this", "Choose another mode: production gateways refuse echo."],
  INVALID_ARGUMENT: ["a field of the offer has a value that the gateway does not know", "Look at the mode."],
  INVALID_MESSAGE: ["the gateway could not read a message", "The message is in the log below."],
  HANDLER_ERROR: ["the gateway failed while handling a message", "The gateway's own log says more."],
  MEDIA_BRIDGE_FAILURE: ["the gateway could not set up or keep the media connection",
    "UDP may be blocked between here and there: try a relay path."],
  AGENT_FAILURE: ["the gateway could not reach the agent", "Look at the agent's own health."],
  UNKNOWN: ["the gateway sent an error without a code that can be read", "The message is in the log below."],
  WEBSOCKET_REFUSED: ["the WebSocket could not be opened",
    "Is the gateway still up? A proxy between here and there must let WebSockets through."],
  OFFER_FAILED: ["the browser could not make an offer", "Reload the page; try another browser."],
  ANSWER_INVALID: ["the browser cannot use the gateway's answer",
    "Opus may not be negotiated: look at the answer in the log."],
  CONNECT_TIMEOUT: ["the call was not connected within 30 s", "The last stage that was reached says where it hangs."],
  ICE_FAILED: ["no way for the audio was found between this browser and the gateway",
    "UDP may be blocked: try a relay path."],
  DTLS_FAILED: ["the encryption of the audio could not be agreed on",
    "Look at the fingerprint in the gateway's answer."],
  MEDIA_LOST: ["the media connection was lost in mid-call", "The network here, or the gateway's media process."],
  SIGNALING_LOST: ["the WebSocket was lost and could not be opened again",
    "Is the gateway still up? A proxy may close sockets that are idle."],
  CLOSED_EARLY: ["the gateway closed the session before the call was connected", "The gateway's own log says more."],
  TURN_UNREACHABLE: ["a relay was asked for, and none could be used",
    "Does the gateway name a TURN server of this kind, and can it be reached from here? Over TLS this browser must"
    + " trust its certificate."],
  TURN_UNAUTHORIZED: ["the TURN server refused the gateway's credentials",
    "The secret that the gateway and the TURN server share."],
};

const NO_MEANING = ["the gateway has a code that this page does not know", "The message is in the log below."];

export const meaningOf = (code) =>
  Object.prototype.hasOwnProperty.call(MEANINGS, code) ? MEANINGS[code] : NO_MEANING;

const MASK = "••••••";
// A shorter token is a word that may stand in any sentence, and hides nothing.
const SHORTEST_SECRET = 8;

// The text without the token, also as JSON or a URL spells it.
export function maskText(text, token) {
  if (token.length < SHORTEST_SECRET) return text;
  const spellings = [token, JSON.stringify(token).slice(1, -1), encodeURIComponent(token)];
  return spellings.reduce((masked, spelling) => masked.split(spelling).join(MASK), text);
}

// A copy of a JSON value without the token.
export function mask(value, token) {
  if (typeof value === "string") return maskText(value, token);
  if (Array.isArray(value)) return value.map((item) => mask(item, token));
  if (value === null || typeof value !== "object") return value;
  const copy = {};
  for (const [name, item] of Object.entries(value)) {
    copy[maskText(name, token)] = name === "authToken" ? MASK : mask(item, token);
  }
  return copy;
}

export const milliseconds = (value) => `${Math.round(value).toLocaleString("en")} ms`;
