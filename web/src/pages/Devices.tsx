// The device list: search, sort, live presence.
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { devicesQuery } from "../api/queries";
import type { Device } from "../api/types";
import { SEARCH_PROPS } from "../app/shortcuts";
import { columnsOf, DataTable, LoadMore } from "../components/DataTable";
import { Icon } from "../components/icons";
import { Ago } from "../components/time";
import { Badge, Empty, ErrorNote, Loading, PageHeader, Presence, Unproven } from "../components/ui";

const route = getRouteApi("/shell/devices");
const TYPING_MS = 200;

/** What people call a device: its name, else what it says of itself. */
export function deviceTitle(device: Device): string {
  return device.name || device.endpoints[0] || device.id;
}

const column = columnsOf<Device>();
const text = (value: string | null | undefined) => value || <span className="text-faint">–</span>;

const COLUMNS = column.columns([
  column.display({
    id: "name",
    header: "Name",
    cell: ({ row: { original: device } }) => (
      <div className="flex min-w-44 flex-wrap items-baseline gap-x-2">
        <Link to="/devices/$id" params={{ id: device.id }} data-row-link="" className="font-medium hover:text-accent hover:underline">{deviceTitle(device)}</Link>
        {device.endpoints[0] && device.endpoints[0] !== deviceTitle(device) && <span className="value text-faint">{device.endpoints[0]}</span>}
      </div>
    ),
  }),
  column.display({
    id: "online",
    header: "Status",
    cell: ({ row: { original: device } }) => (
      <span className="flex items-center gap-x-2">
        <Presence online={device.online} />
        {!device.proven && <Unproven />}
        {!device.onboarded && <Badge tone="accent">onboarding</Badge>}
      </span>
    ),
  }),
  column.display({ id: "model", header: "Model", cell: ({ row: { original: device } }) => <span className="whitespace-nowrap">{device.manufacturer && <span className="text-muted">{device.manufacturer} </span>}{text(device.model)}</span> }),
  column.display({ id: "serial", header: "Serial", cell: ({ row }) => <span className="value whitespace-nowrap">{text(row.original.serial)}</span> }),
  column.display({ id: "software", header: "Software", cell: ({ row }) => <span className="value whitespace-nowrap">{text(row.original.software)}</span> }),
  column.display({ id: "address", header: "Address", cell: ({ row }) => <span className="value whitespace-nowrap">{text(row.original.address)}</span> }),
  column.display({ id: "tags", header: "Tags", cell: ({ row }) => <span className="flex flex-wrap gap-1">{row.original.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}</span> }),
  column.display({ id: "last_seen", header: "Last seen", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.last_seen} /></span> }),
]);

const SORT_KEYS = { name: "name", model: "model", serial: "serial", software: "software", last_seen: "last_seen" };

export function DevicesPage() {
  const { q = "", sort = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [typed, setTyped] = useState(q);
  useEffect(() => {
    const timer = setTimeout(() => typed !== q && void navigate({ search: (old) => ({ ...old, q: typed || undefined }), replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, q, navigate]);

  const query = useInfiniteQuery(devicesQuery({ q, sort }));
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const tagged = rows.some((device) => device.tags.length > 0);
  const columns = useMemo(() => (tagged ? COLUMNS : COLUMNS.filter(({ id }) => id !== "tags")), [tagged]);
  const online = rows.filter((device) => device.online).length;

  return (
    <>
      <PageHeader title="Devices" detail={query.data ? `${rows.length}${query.hasNextPage ? "+" : ""} shown, ${online} online` : " "}>
        <label className="relative block w-80 max-w-full">
          <span className="sr-only">Search devices</span>
          <Icon name="search" size={14} className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-faint" />
          <input {...SEARCH_PROPS} type="search" className="field !pr-8 !pl-8" placeholder="Name, endpoint, serial, model, address" value={typed} onChange={(event) => setTyped(event.target.value)} onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()} />
          <kbd className="pointer-events-none absolute top-1/2 right-2 -translate-y-1/2" aria-hidden="true">/</kbd>
        </label>
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : rows.length === 0 ? <NoDevices searching={q !== ""} /> : (
            <DataTable label="Devices" linked columns={columns} rows={rows} rowId={(device) => device.id} sort={{ value: sort, keys: SORT_KEYS, onSort: (next) => void navigate({ search: (old) => ({ ...old, sort: next }), replace: true }) }} />
          )}
          <LoadMore query={query} />
        </div>
      </div>
    </>
  );
}

function NoDevices({ searching }: { searching: boolean }) {
  if (searching) return <Empty title="No device matches">Search looks at names, endpoints, serial numbers, models and addresses.</Empty>;
  return (
    <Empty title="No devices yet">
      <Link to="/connect" className="text-accent underline">Connect a device</Link>, then approve it under <Link to="/pending" className="text-accent underline">Pending</Link>.
    </Empty>
  );
}
