// Times for people: relative in lists, absolute on hover. One shared clock drives every relative time on the page.
import { useSyncExternalStore } from "react";

const TICK_MS = 5_000;
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  // The clock stands still while nothing shows a time; a page that comes after such a pause must not count from then.
  if (timer === undefined) now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const each of listeners) each();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

/** `5 s ago`, `3 min ago`, `2 h ago`, `4 d ago`, `in 20 min`; anything older than a month as a date. */
export function relative(at: number, from: number): string {
  const seconds = Math.round((from - at) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "now";
  const text = size < 90 ? `${size} s` : size < 5_400 ? `${Math.round(size / 60)} min` : size < 129_600 ? `${Math.round(size / 3600)} h` : size < 2_678_400 ? `${Math.round(size / 86_400)} d` : undefined;
  if (text === undefined) return new Date(at).toISOString().slice(0, 10);
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/** `3 d 4 h`, `4 h 12 min`, `12 min`: the two largest units. */
export function duration(seconds: number): string {
  const units: [number, string][] = [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return "0 s";
  const [size, unit] = units[first]!;
  const next = units[first + 1];
  const rest = next ? Math.floor((seconds % size) / next[0]) : 0;
  return `${Math.floor(seconds / size)} ${unit}${next && rest > 0 ? ` ${rest} ${next[1]}` : ""}`;
}

export function Ago({ at, none = "never" }: { at: string | null | undefined; none?: string }) {
  const current = useNow();
  const time = at ? Date.parse(at) : NaN;
  if (Number.isNaN(time)) return <span className="text-faint">{none}</span>;
  return <time dateTime={at ?? undefined} title={new Date(time).toLocaleString()} className="whitespace-nowrap">{relative(time, Math.max(current, time > current && time - current < TICK_MS ? time : current))}</time>;
}

/** Clock time with milliseconds, for logs of one session. */
export function Clock({ at }: { at: string }) {
  const time = new Date(at);
  if (Number.isNaN(time.getTime())) return <span>{at}</span>;
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const text = `${pad(time.getHours())}:${pad(time.getMinutes())}:${pad(time.getSeconds())}.${pad(time.getMilliseconds(), 3)}`;
  // An older day is named; its milliseconds no longer matter.
  const shown = Date.now() - time.getTime() < 86_400_000 ? text : `${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${text.slice(0, 8)}`;
  return <time dateTime={at} title={time.toLocaleString()} className="value text-muted whitespace-nowrap">{shown}</time>;
}
