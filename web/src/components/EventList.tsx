// Events, newest first, as dense lines.
import type { CuspEvent, EventKind } from "../api/types";
import { summarise } from "../live/changes";
import { Clock } from "./time";
import { DeviceLink } from "./DeviceLink";
import { Badge } from "./ui";

const TONES: Partial<Record<EventKind, "ok" | "warn" | "bad" | "accent">> = {
  online: "ok", onboarded: "ok", approved: "ok", offline: "warn", rejected: "bad", refused: "bad", pending: "accent", boot: "accent", onboard: "accent", operation_complete: "accent",
};

export const EVENT_KINDS: EventKind[] = [
  "online", "offline", "boot", "periodic", "value_change", "object_creation", "object_deletion", "operation_complete", "event", "onboard", "onboarded", "job", "pending", "approved", "rejected", "refused",
];

export const kindName = (kind: string): string => kind.replaceAll("_", " ");

export function EventList({ events, withDevice, fresh }: { events: CuspEvent[]; withDevice?: boolean; fresh?: ReadonlySet<number> }) {
  return (
    <ol className="divide-y" aria-label="Events">
      {events.map((event) => (
        <li key={event.seq} className={`flex flex-wrap items-baseline gap-x-3 gap-y-0.5 px-4 py-1 md:grid md:py-[0.18rem] ${withDevice ? "md:grid-cols-[7.5rem_8.5rem_minmax(0,13rem)_minmax(0,1fr)]" : "md:grid-cols-[7.5rem_8.5rem_minmax(0,1fr)]"} ${fresh?.has(event.seq) ? "animate-flash" : ""}`}>
          <Clock at={event.at} />
          <span><Badge tone={TONES[event.kind] ?? "neutral"}>{kindName(event.kind)}</Badge></span>
          {withDevice && (event.device ? <DeviceLink id={event.device} className="value min-w-0 truncate text-muted" /> : <span className="max-md:hidden" />)}
          <span className="value min-w-0 max-md:w-full">
            {summarise(event)}
            {event.duplicate && <span className="ml-2 text-faint">repeated</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
