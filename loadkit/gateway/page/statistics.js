// What getStats() says of a call, in seconds and shares; null where it says nothing.

const numberOr = (value) => (typeof value === "number" ? value : null);

export async function readStatistics(peer) {
  const report = await peer.getStats();
  const entries = [];
  report.forEach((entry) => entries.push(entry));
  const find = (type) => entries.find((entry) => entry.type === type && entry.kind !== "video") || {};
  const inbound = find("inbound-rtp");
  const outbound = find("outbound-rtp");
  const theirs = find("remote-inbound-rtp");
  const pair = selectedPair(report, entries);
  const byRtcp = numberOr(theirs.roundTripTime);
  const byStun = pair ? numberOr(pair.currentRoundTripTime) : null;
  return {
    roundTrip: byRtcp === null ? byStun : byRtcp,
    roundTripBy: byRtcp !== null ? "RTCP" : byStun !== null ? "STUN" : null,
    packetsReceived: numberOr(inbound.packetsReceived),
    lostHere: numberOr(inbound.packetsLost),
    jitterHere: numberOr(inbound.jitter),
    packetsSent: numberOr(outbound.packetsSent),
    lostThere: numberOr(theirs.packetsLost),
    jitterThere: numberOr(theirs.jitter),
    local: pair ? candidate(report.get(pair.localCandidateId)) : null,
    remote: pair ? candidate(report.get(pair.remoteCandidateId)) : null,
    codec: codec(report.get(inbound.codecId || outbound.codecId)),
  };
}

// The share of packets that were lost; null before there were any.
export function lossShare(lost, received) {
  if (lost === null || received === null || lost + received <= 0) return null;
  return Math.max(0, lost) / (Math.max(0, lost) + received);
}

function selectedPair(report, entries) {
  const transport = entries.find((entry) => entry.type === "transport" && entry.selectedCandidatePairId);
  if (transport) return report.get(transport.selectedCandidatePairId) || null;
  // Firefox has no transport entry, and says it of the pair itself.
  const pairs = entries.filter((entry) => entry.type === "candidate-pair");
  return pairs.find((entry) => entry.selected) || pairs.find((entry) => entry.nominated && entry.state === "succeeded")
    || null;
}

function candidate(entry) {
  if (!entry) return null;
  const host = entry.address || entry.ip || "address hidden";
  return {
    type: entry.candidateType || "unknown",
    address: `${host.includes(":") ? `[${host}]` : host}:${entry.port}`,
    protocol: entry.protocol || null,
    relayProtocol: entry.candidateType === "relay" ? entry.relayProtocol || null : null,
  };
}

function codec(entry) {
  if (!entry || !entry.mimeType) return null;
  const name = `${entry.mimeType.replace("audio/", "")}/${entry.clockRate}${entry.channels ? `/${entry.channels}` : ""}`;
  return { name, parameters: entry.sdpFmtpLine || "" };
}
