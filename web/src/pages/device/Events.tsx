// What happened on one device: the log as it is stored, with live events on top.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { deviceEventsQuery } from "../../api/queries";
import type { CuspEvent } from "../../api/types";
import { LoadMore } from "../../components/DataTable";
import { EventList } from "../../components/EventList";
import { Empty, ErrorNote, Loading } from "../../components/ui";
import { useLiveEvents } from "../../live/LiveProvider";
import { mergeEvents } from "../../live/log";

const route = getRouteApi("/shell/devices/$id");
const MAX_LINES = 2_000;

export function DeviceEvents() {
  const { id } = route.useParams();
  const query = useInfiniteQuery({ ...deviceEventsQuery(id), refetchOnWindowFocus: false });
  const [live, setLive] = useState<CuspEvent[]>([]);
  useLiveEvents((event) => {
    if (event.device === id) setLive((old) => mergeEvents(old, [event], MAX_LINES));
  });
  const fresh = useMemo(() => new Set(live.map((event) => event.seq)), [live]);
  const shown = useMemo(() => mergeEvents(live, query.data?.pages.flatMap((page) => page.items) ?? [], MAX_LINES), [live, query.data]);
  return (
    <div className="px-4 py-4 md:px-6">
      {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
      <div className="panel overflow-hidden">
        {query.isPending ? <Loading /> : shown.length === 0 ? <Empty title="Nothing has happened yet" /> : <EventList events={shown} fresh={fresh} />}
        <LoadMore query={query} />
      </div>
    </div>
  );
}
