// The microphone, or in words why there is none.

const WHY_NOT = {
  NotAllowedError: "The browser was not allowed to use the microphone. Allow it for this page, beside the address,"
    + " and connect again.",
  SecurityError: "This browser forbids the microphone to this page. Look at its settings, or at what its"
    + " administrator allows.",
  NotFoundError: "There is no microphone. Plug one in, or choose one in the system's sound settings, and connect again.",
  NotReadableError: "The microphone cannot be opened: another program may hold it, or the system forbids it to the"
    + " browser.",
  OverconstrainedError: "No microphone can do what was asked for. Connect again without echo cancellation.",
};
WHY_NOT.AbortError = WHY_NOT.NotReadableError;

const INSECURE = "Browsers give a microphone only to pages that came over https, or from this very machine"
  + " (http://127.0.0.1). Open the page over https, or through a tunnel to 127.0.0.1.";

// Why no call can be placed from here at all; null when one can.
export function obstacle() {
  if (!window.isSecureContext) return INSECURE;
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return "This browser has no access to microphones.";
  if (!window.RTCPeerConnection) return "This browser has no WebRTC, or it is switched off.";
  if (!window.AudioContext && !window.webkitAudioContext) return "This browser has no Web Audio, or it is switched off.";
  return null;
}

// A stream with one audio track. Raises an Error whose message is for people.
export async function openMicrophone(processing) {
  const audio = { echoCancellation: processing, noiseSuppression: processing, autoGainControl: processing };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video: false });
  } catch (error) {
    throw new Error(WHY_NOT[error.name] || `The microphone cannot be used (${error.name}).`);
  }
}
