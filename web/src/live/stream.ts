// One connection to the event stream, kept up for as long as the page is used. `fetch` rather than EventSource, because a
// resume position must survive a reconnect that we start ourselves, and a refused stream must say why.
import { BASE } from "../api/client";
import type { CuspEvent } from "../api/types";
import { SseParser } from "./sse";

export type LiveState = "connecting" | "live" | "offline" | "paused";

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 15_000;
/** The server sends a heartbeat every 15 seconds; three missed ones mean a dead path. */
const SILENCE_MS = 45_000;
/** Browsers allow six connections per server; a page nobody looks at gives its one back. */
const HIDDEN_MS = 60_000;

interface Handlers {
  onEvent: (event: CuspEvent) => void;
  onState: (state: LiveState) => void;
  /** The stream is open after a break: anything may have changed meanwhile. */
  onReopened: () => void;
}

export class LiveStream {
  #handlers: Handlers;
  #abort: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #hidden: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #opened = 0;
  #lastId: string | undefined;
  #stopped = true;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  start(): void {
    this.#stopped = false;
    document.addEventListener("visibilitychange", this.#onVisibility);
    void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    document.removeEventListener("visibilitychange", this.#onVisibility);
    clearTimeout(this.#retry);
    clearTimeout(this.#hidden);
    this.#abort?.abort();
  }

  #onVisibility = (): void => {
    clearTimeout(this.#hidden);
    if (document.visibilityState === "hidden") {
      this.#hidden = setTimeout(() => {
        clearTimeout(this.#retry);
        this.#abort?.abort();
        this.#abort = undefined;
        this.#handlers.onState("paused");
      }, HIDDEN_MS);
    } else if (!this.#abort) {
      this.#attempt = 0;
      void this.#connect();
    }
  };

  async #connect(): Promise<void> {
    if (this.#stopped) return;
    clearTimeout(this.#retry);
    const abort = new AbortController();
    this.#abort = abort;
    this.#handlers.onState("connecting");
    let silence: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort("silent"), SILENCE_MS);
    };
    try {
      const headers: Record<string, string> = { Accept: "text/event-stream" };
      if (this.#lastId !== undefined) headers["Last-Event-ID"] = this.#lastId;
      const response = await fetch(`${BASE}/events/stream`, { headers, signal: abort.signal, credentials: "same-origin", cache: "no-store" });
      if (!response.ok || !response.body) throw new Error(`stream answered ${response.status}`);
      this.#attempt = 0;
      this.#opened += 1;
      this.#handlers.onState("live");
      if (this.#opened > 1) this.#handlers.onReopened();
      const parser = new SseParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      alive();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        alive();
        for (const event of parser.push(decoder.decode(value, { stream: true }))) this.#take(event.id, event.data);
      }
    } catch {
      // Whatever broke, the answer is the same: wait and try again.
    } finally {
      clearTimeout(silence);
    }
    if (this.#stopped || this.#abort !== abort) return;
    this.#handlers.onState("offline");
    this.#retry = setTimeout(() => void this.#connect(), Math.min(FIRST_RETRY_MS * 2 ** this.#attempt, MAX_RETRY_MS));
    this.#attempt += 1;
  }

  #take(id: string | undefined, data: string): void {
    if (id !== undefined) this.#lastId = id;
    let event: CuspEvent;
    try {
      event = JSON.parse(data) as CuspEvent;
    } catch {
      return;
    }
    if (typeof event.seq === "number" && typeof event.kind === "string") this.#handlers.onEvent(event);
  }
}
