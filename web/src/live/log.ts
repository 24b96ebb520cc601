// A bounded list of events, newest first, each position once.
import type { CuspEvent } from "../api/types";

export function mergeEvents(a: readonly CuspEvent[], b: readonly CuspEvent[], limit: number): CuspEvent[] {
  const bySeq = new Map<number, CuspEvent>();
  for (const event of a) bySeq.set(event.seq, event);
  for (const event of b) bySeq.set(event.seq, event);
  return [...bySeq.values()].sort((x, y) => y.seq - x.seq).slice(0, limit);
}
