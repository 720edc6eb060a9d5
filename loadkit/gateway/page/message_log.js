// The list of signaling messages. Everything in it came over a network: it is set as text, never as markup.

const MOST_ENTRIES = 400;
const LONGEST_TEXT = 20000;
const LONGEST_BRIEF = 200;

const WAYS = {
  sent: ["→", "sent"], received: ["←", "received"], dropped: ["⨯", "received, dropped"], note: ["·", "note"],
};

const shortened = (text, longest) =>
  text.length > longest ? `${text.slice(0, longest)}… (${text.length - longest} more characters)` : text;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What the one line of a message says beside its type.
function briefOf(body, note) {
  if (note) return note;
  const data = body && body.data;
  if (!data || typeof data !== "object") return "";
  if (body.type === "ice-candidate") return data.candidate ? String(data.candidate) : "end of candidates";
  if (body.type === "error") return `${data.code}: ${data.message}`;
  if (typeof data.sdp === "string") return `SDP, ${data.sdp.length} characters`;
  return "";
}

export class MessageLog {
  constructor(list, empty) {
    this._list = list;
    this._empty = empty;
    this._texts = [];
    this._left = 0;
  }

  // body: a JSON value, or text when it is none; seconds: since the call's start.
  add(direction, body, note, seconds) {
    const kind = body && typeof body === "object" && typeof body.type === "string" ? body.type : direction;
    const json = typeof body === "string" ? body : JSON.stringify(body, null, 2);
    const brief = shortened(briefOf(body, note), LONGEST_BRIEF);
    const details = element("details", direction === "received" && kind === "error" ? "received failed" : direction);
    const summary = element("summary");
    this._fillLine(summary, direction, shortened(kind, 40), brief, seconds);
    details.append(summary, element("pre", "", shortened(json, LONGEST_TEXT)));
    const sdp = body && body.data && body.data.sdp;
    if (typeof sdp === "string") details.append(element("pre", "sdp", shortened(sdp, LONGEST_TEXT)));
    this._append(details, `${seconds.toFixed(3)} s ${WAYS[direction][1]} ${note ? `(${note}) ` : ""}${json}`);
  }

  note(text, seconds) {
    const line = element("div", "note");
    this._fillLine(line, "note", "note", shortened(text, 2000), seconds);
    this._append(line, `${seconds.toFixed(3)} s note: ${text}`);
  }

  clear() {
    this._texts = [];
    this._left = 0;
    this._list.textContent = "";
    this._empty.hidden = false;
  }

  get text() {
    const left = this._left ? [`(${this._left} earlier entries were left out)`] : [];
    return left.concat(this._texts).join("\n") + "\n";
  }

  _fillLine(line, direction, kind, brief, seconds) {
    const [sign, word] = WAYS[direction];
    const way = element("span", "way", sign);
    way.setAttribute("role", "img");
    way.setAttribute("aria-label", word);
    line.append(element("span", "n", `${seconds.toFixed(3)} s`), way, element("span", "kind", kind),
      element("span", "brief", brief));
  }

  _append(content, text) {
    const item = element("li");
    item.append(content);
    this._list.append(item);
    this._texts.push(shortened(text, LONGEST_TEXT));
    this._empty.hidden = true;
    while (this._texts.length > MOST_ENTRIES) {
      this._texts.shift();
      this._left += 1;
      this._list.firstElementChild.remove();
    }
  }
}
