// Incremental parser of a server-sent event stream: text in, whole events out. No IO.

/** A line longer than this is not ours; the connection is dropped rather than the memory filled. */
const MAX_BUFFER_CHARS = 4 * 1024 * 1024;

export interface SseEvent { id: string | undefined; event: string; data: string }

export class SseParser {
  #rest = "";
  #data: string[] = [];
  #event = "";
  #id: string | undefined;

  /** Feeds a piece of the stream, wherever it was cut, and gives back the events that it completed. */
  push(text: string): SseEvent[] {
    const out: SseEvent[] = [];
    const buffer = this.#rest + text;
    if (buffer.length > MAX_BUFFER_CHARS) throw new RangeError("event stream line too long");
    // A carriage return at the very end may be half of CRLF, so it waits for the next piece.
    const lines = buffer.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#line(line);
      if (event) out.push(event);
    }
    return out;
  }

  #line(line: string): SseEvent | undefined {
    if (line === "") {
      const event = this.#data.length > 0 ? { id: this.#id, event: this.#event || "message", data: this.#data.join("\n") } : undefined;
      this.#data = [];
      this.#event = "";
      return event;
    }
    if (line.startsWith(":")) return undefined;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }
}
