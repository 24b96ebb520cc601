// Decoded messages to and from one device, while tracing is on.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { api, unwrap } from "../../api/client";
import { keys, traceQuery } from "../../api/queries";
import type { TraceItem } from "../../api/types";
import { useNotices } from "../../components/toast";
import { Clock } from "../../components/time";
import { Badge, Empty, ErrorNote, Loading } from "../../components/ui";

const route = getRouteApi("/shell/devices/$id");

export function DeviceTrace() {
  const { id } = route.useParams();
  const query = useQuery(traceQuery(id));
  const client = useQueryClient();
  const { fail } = useNotices();
  const [busy, setBusy] = useState(false);
  // Told oldest first; shown newest first, like events.
  const items = [...(query.data?.items ?? [])].reverse();
  const enabled = query.data?.enabled ?? items.length > 0;

  const toggle = async () => {
    setBusy(true);
    try {
      await unwrap(api.PUT("/devices/{id}/trace", { params: { path: { id } }, body: { enabled: !enabled } }));
      await client.invalidateQueries({ queryKey: keys.trace(id) });
    } catch (error) {
      fail("Could not switch tracing", error);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="px-4 py-4 md:px-6">
      <label className="mb-3 flex items-center gap-2">
        <input type="checkbox" role="switch" checked={enabled} disabled={busy || query.isPending} onChange={() => void toggle()} />
        <span className="font-medium">Trace messages</span>
        <span className="text-muted">Keeps the last exchanges of this device, decoded. Values of secured parameters are left out.</span>
      </label>
      {query.error && <ErrorNote error={query.error} className="mb-3" />}
      <div className="panel overflow-hidden">
        {query.isPending ? <Loading /> : items.length === 0 ? <Empty title={enabled ? "No messages yet" : "Tracing is off"}>{enabled ? "They appear as they pass." : "Switch it on to see what the device and the server say to each other."}</Empty> : (
          <ol className="divide-y" aria-label="Messages">{items.map((item, index) => <Exchange key={`${item.at} ${item.msg_id ?? items.length - index}${item.direction}`} item={item} />)}</ol>
        )}
      </div>
    </div>
  );
}

function Exchange({ item }: { item: TraceItem }) {
  const out = item.direction === "out";
  return (
    <li>
      <details className="group">
        <summary className="grid grid-cols-[7.5rem_6.5rem_9rem_minmax(0,1fr)] items-baseline gap-x-3 px-4 py-[0.3rem] hover:bg-hover">
          <Clock at={item.at} />
          <span><Badge tone={out ? "accent" : "neutral"}>{out ? "→ to device" : "← from device"}</Badge></span>
          <span className="font-medium">{item.kind}</span>
          <span className="value min-w-0 truncate">{item.summary}{item.msg_id && <span className="ml-3 text-faint">{item.msg_id}</span>}</span>
        </summary>
        <pre className="value overflow-auto border-t bg-canvas px-4 py-2 whitespace-pre-wrap">{JSON.stringify(item.body, null, 2)}</pre>
      </details>
    </li>
  );
}
