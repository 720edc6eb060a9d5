// The gateway's ICE servers, and which of them a network path may use.

const FETCH_LIMIT_MS = 5000;

// Path -> what a TURN URL must be (null: any), and what to call it.
const RELAYS = {
  "relay": [null, "no TURN server"],
  "relay-udp": ["udp", "no TURN server over UDP"],
  "relay-tcp": ["tcp", "no TURN server over TCP"],
  "relay-tls": ["tls", "no TURN server over TLS"],
};

export const asksForRelay = (path) => path in RELAYS;

// How a URL's server is reached (RFC 7065): udp, tcp or tls; null when it is no TURN URL.
export function transportOf(url) {
  const found = /^(turns?):[^?]*(?:\?transport=(udp|tcp))?$/i.exec(url);
  if (!found) return null;
  const transport = (found[2] || "").toLowerCase();
  if (found[1].toLowerCase() === "turns") return transport === "udp" ? null : "tls";
  return transport || "udp";
}

// The servers as RTCPeerConnection takes them. Raises when there are none to be had.
export async function fetchIceServers(token) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), FETCH_LIMIT_MS);
  try {
    const response = await fetch("/api/v1/ice-servers", {
      headers: { Authorization: `Bearer ${token}` }, cache: "no-store", credentials: "omit", signal: abort.signal,
    });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    const document = await response.json();
    if (!document || !Array.isArray(document.iceServers)) throw new Error("the answer has no list iceServers");
    return document.iceServers.map(readServer).filter((server) => server.urls.length);
  } catch (error) {
    if (error.name === "AbortError") throw new Error(`no answer within ${FETCH_LIMIT_MS / 1000} s`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function readServer(entry) {
  const given = entry && entry.urls;
  const urls = (Array.isArray(given) ? given : [given]).filter((url) => typeof url === "string");
  const server = { urls: urls.filter((url) => /^(stuns?|turns?):/i.test(url)) };
  for (const name of ["username", "credential"]) {
    if (entry && typeof entry[name] === "string") server[name] = entry[name];
  }
  return server;
}

// Those of the servers that the path may use; raises when it needs a relay and there is none.
export function serversForPath(servers, path) {
  if (path === "direct") return [];
  if (!asksForRelay(path)) return servers;
  const [transport, missing] = RELAYS[path];
  const fitting = servers
    .map((server) => Object.assign({}, server, { urls: server.urls.filter((url) => fits(url, transport)) }))
    .filter((server) => server.urls.length);
  if (!fitting.length) throw new Error(`the gateway names ${missing}`);
  return fitting;
}

function fits(url, transport) {
  const own = transportOf(url);
  return own !== null && (transport === null || own === transport);
}
