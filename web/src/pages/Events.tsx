// Everything that happens, as it happens. Pausing holds the picture still; nothing is lost meanwhile.
import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef, useState } from "react";
import { api, unwrap } from "../api/client";
import type { CuspEvent } from "../api/types";
import { SEARCH_PROPS } from "../app/shortcuts";
import { EVENT_KINDS, EventList, kindName } from "../components/EventList";
import { Button, Empty, ErrorNote, Loading, PageHeader } from "../components/ui";
import { useLiveEvents } from "../live/LiveProvider";
import { mergeEvents } from "../live/log";

/** Older lines fall off; the whole log is in the API. */
const MAX_LINES = 500;

export function EventsPage() {
  const recent = useQuery({ queryKey: ["events"], queryFn: () => unwrap(api.GET("/events", { params: { query: { limit: 200 } } })), refetchOnWindowFocus: false });
  const [live, setLive] = useState<CuspEvent[]>([]);
  const [paused, setPaused] = useState(false);
  const [kind, setKind] = useState("");
  const [text, setText] = useState("");
  const waiting = useRef<CuspEvent[]>([]);
  const [held, setHeld] = useState(0);

  useLiveEvents((event) => {
    if (paused) {
      waiting.current = mergeEvents(waiting.current, [event], MAX_LINES);
      setHeld(waiting.current.length);
    } else {
      setLive((old) => mergeEvents(old, [event], MAX_LINES));
    }
  });

  const toggle = () => {
    if (paused) {
      const held = waiting.current;
      setLive((old) => mergeEvents(old, held, MAX_LINES));
      waiting.current = [];
      setHeld(0);
    }
    setPaused(!paused);
  };

  const fresh = useMemo(() => new Set(live.map((event) => event.seq)), [live]);
  const shown = useMemo(() => {
    const needle = text.trim().toLowerCase();
    return mergeEvents(live, recent.data?.items ?? [], MAX_LINES).filter((event) => (kind === "" || event.kind === kind) && (needle === "" || JSON.stringify(event).toLowerCase().includes(needle)));
  }, [live, recent.data, kind, text]);

  return (
    <>
      <PageHeader title="Events" detail="Live from every device you may see, newest first.">
        <input {...SEARCH_PROPS} type="search" className="field !w-56" aria-label="Filter events" placeholder="Filter by any text" value={text} onChange={(event) => setText(event.target.value)} />
        <select className="field !w-auto" aria-label="Kind of event" value={kind} onChange={(event) => setKind(event.target.value)}>
          <option value="">every kind</option>
          {EVENT_KINDS.map((each) => <option key={each} value={each}>{kindName(each)}</option>)}
        </select>
        <Button icon={paused ? "play" : "pause"} aria-pressed={paused} onClick={toggle}>{paused ? `Resume${held ? ` (${held})` : ""}` : "Pause"}</Button>
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {recent.error && <ErrorNote error={recent.error} className="mb-3" />}
        <div className="panel overflow-hidden">
          {recent.isPending ? <Loading /> : shown.length === 0 ? <Empty title="Nothing to show">Events appear here as devices connect, report and answer.</Empty> : <EventList events={shown} withDevice fresh={fresh} />}
        </div>
      </div>
    </>
  );
}
