// Certificates that prove devices, or did; ending one.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { api, unwrap } from "../api/client";
import { certificatesQuery, keys } from "../api/queries";
import type { Certificate } from "../api/types";
import { columnsOf, DataTable, LoadMore } from "../components/DataTable";
import { Confirm } from "../components/Dialog";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Badge, Button, Empty, ErrorNote, Loading, PageHeader } from "../components/ui";

/** Words of the REST interface, and what they say to a person. */
const REASONS = {
  unspecified: "No reason given",
  "key-compromise": "Its key is known to others",
  superseded: "Another certificate takes its place",
  cessation: "The device is out of service",
} as const;
type Reason = keyof typeof REASONS;

const isReason = (word: string): word is Reason => word in REASONS;
const column = columnsOf<Certificate>();

export function CertificatesPage() {
  const [shown, setShown] = useState<"valid" | "revoked">("valid");
  const query = useInfiniteQuery(certificatesQuery({ revoked: shown === "revoked" }));
  const client = useQueryClient();
  const { say } = useNotices();
  const [ending, setEnding] = useState<Certificate>();
  const [reason, setReason] = useState<Reason>("unspecified");
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);

  const revoke = async () => {
    if (!ending) return;
    await unwrap(api.POST("/certificates/{fingerprint}/revoke", { params: { path: { fingerprint: ending.fingerprint } }, body: { reason } }));
    say(`The certificate of ${ending.name} is revoked`);
    await client.invalidateQueries({ queryKey: keys.certificates });
  };

  const columns = column.columns([
    column.display({ id: "device", header: "Device", cell: ({ row: { original: item } }) => <Link to="/devices/$id" params={{ id: item.device }} className="font-medium hover:text-accent hover:underline">{item.name}</Link> }),
    column.display({ id: "fingerprint", header: "SHA-256", cell: ({ row }) => <span className="value block max-w-72 break-all text-muted">{row.original.fingerprint}</span> }),
    column.display({ id: "origin", header: "From", cell: ({ row }) => <Origin item={row.original} /> }),
    column.display({ id: "since", header: "On record", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.since} /></span> }),
    column.display({ id: "end", header: shown === "revoked" ? "Revoked" : "Valid until", cell: ({ row }) => <End item={row.original} /> }),
    ...(shown === "revoked" ? [] : [column.display({ id: "revoke", header: () => <span className="sr-only">Revoke</span>, cell: ({ row }) => <Button small variant="danger" aria-label={`Revoke the certificate of ${row.original.name}`} onClick={() => { setReason("unspecified"); setEnding(row.original); }}>Revoke…</Button> })]),
  ]);

  return (
    <>
      <PageHeader title="Certificates" detail="What devices prove themselves with: issued by this server's CA, or pinned when the device was approved.">
        <select className="field !w-auto" aria-label="Which certificates" value={shown} onChange={(event) => setShown(event.target.value === "revoked" ? "revoked" : "valid")}>
          <option value="valid">that count</option><option value="revoked">that are revoked</option>
        </select>
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : rows.length === 0 ? <Nothing revoked={shown === "revoked"} /> : <DataTable label="Certificates" columns={columns} rows={rows} rowId={(item) => item.fingerprint} />}
          <LoadMore query={query} />
        </div>
      </div>
      <Confirm open={ending !== undefined} onClose={() => setEnding(undefined)} title={`Revoke the certificate of ${ending?.name ?? ""}?`} action="Revoke" onConfirm={revoke}>
        <p>Its connection is closed at once, and this certificate never counts again. The device needs another one to come back.</p>
        <label className="mt-3 block text-xs font-medium">Why
          <select className="field mt-1" value={reason} onChange={(event) => isReason(event.target.value) && setReason(event.target.value)}>
            {Object.entries(REASONS).map(([word, text]) => <option key={word} value={word}>{text}</option>)}
          </select>
        </label>
      </Confirm>
    </>
  );
}

function Origin({ item }: { item: Certificate }) {
  if (item.kind === "password") return <Badge title="Made for the server's own MQTT broker">user name and password</Badge>;
  if (item.origin !== "issued") return <Badge title="Taken down when its device was approved">{item.origin}</Badge>;
  return <><Badge tone="ok">our CA</Badge>{item.serial && <div className="value mt-0.5 text-xs text-faint">{item.serial}</div>}</>;
}

function End({ item }: { item: Certificate }) {
  if (item.revoked) return <>{item.revoked_at ? <Ago at={item.revoked_at} /> : <span className="text-faint">at an unknown time</span>}{item.reason && <div className="text-xs text-faint">{isReason(item.reason) ? REASONS[item.reason] : item.reason}</div>}</>;
  return item.expires ? <Ago at={item.expires} /> : <span className="text-faint">as it says itself</span>;
}

function Nothing({ revoked }: { revoked: boolean }) {
  if (revoked) return <Empty title="None is revoked" />;
  return <Empty title="No certificates yet">They come with devices that connect over TLS: <Link to="/connect" className="text-accent underline">connect one</Link> with a token, or approve one that shows its own.</Empty>;
}
