// Devices that are let in at first contact without a person.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState, type FormEvent } from "react";
import { api, unwrap } from "../api/client";
import { expectedQuery, keys } from "../api/queries";
import type { Expected } from "../api/types";
import { columnsOf, DataTable, LoadMore } from "../components/DataTable";
import { Modal } from "../components/Dialog";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Badge, Button, Empty, ErrorNote, IconButton, Loading, PageHeader } from "../components/ui";
import { parseExpected } from "./expected-lines";

const column = columnsOf<Expected>();

export function ExpectedPage() {
  const query = useInfiniteQuery(expectedQuery);
  const client = useQueryClient();
  const { fail } = useNotices();
  const [adding, setAdding] = useState(false);
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const refresh = () => client.invalidateQueries({ queryKey: keys.expected });

  const remove = async (value: string) => {
    try {
      await unwrap(api.DELETE("/expected/{id}", { params: { path: { id: value } } }));
      await refresh();
    } catch (error) {
      fail(`Could not remove ${value}`, error);
    }
  };

  const columns = column.columns([
    column.display({ id: "value", header: "Device", cell: ({ row }) => <span className="value">{row.original.value}</span> }),
    column.display({ id: "kind", header: "Known by", cell: ({ row }) => (row.original.kind === "serial" ? "serial number" : "endpoint id") }),
    column.display({ id: "name", header: "Name", cell: ({ row }) => row.original.name || <span className="text-faint">–</span> }),
    column.display({ id: "group", header: "Tag", cell: ({ row }) => row.original.group && <Badge>{row.original.group}</Badge> }),
    column.display({ id: "since", header: "Since", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.since} /></span> }),
    column.display({ id: "remove", header: () => <span className="sr-only">Remove</span>, cell: ({ row }) => <IconButton icon="trash" label={`Expect ${row.original.value} no more`} onClick={() => void remove(row.original.value)} /> }),
  ]);

  return (
    <>
      <PageHeader title="Expected" detail="Devices that have not come yet, and need nobody's approval: a CA that this server trusts has to vouch for each.">
        <Button variant="primary" icon="plus" onClick={() => setAdding(true)}>Expect devices…</Button>
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : rows.length === 0 ? (
            <Empty title="No device is expected">Name the devices of a delivery here, and they are let in when they first connect. <code className="value">cusp enrol import FILE.csv</code> does the same for long lists.</Empty>
          ) : (
            <DataTable label="Expected devices" columns={columns} rows={rows} rowId={(item) => `${item.kind} ${item.value}`} />
          )}
          <LoadMore query={query} />
        </div>
      </div>
      <Modal open={adding} onClose={() => setAdding(false)} title="Expect devices" wide><Add done={async () => { await refresh(); setAdding(false); }} /></Modal>
    </>
  );
}

function Add({ done }: { done: () => Promise<unknown> }) {
  const { say } = useNotices();
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const read = parseExpected(text);
    if ("problem" in read) return setError(new Error(read.problem));
    setBusy(true);
    setError(undefined);
    try {
      const { expected } = await unwrap(api.POST("/expected", { body: { devices: read.devices } }));
      say(`${expected} ${expected === 1 ? "device is" : "devices are"} expected`);
      await done();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={(event) => void save(event)}>
      <label className="block text-xs font-medium text-muted">One device a line: endpoint id or serial number, then a name and a tag if you like
        <textarea className="field value mt-1" rows={8} spellCheck={false} placeholder={"os::00256D-0123456789, kitchen, lisbon\nSN-2219-0042"} value={text} onChange={(event) => setText(event.target.value)} />
      </label>
      {error !== undefined && <ErrorNote error={error} className="mt-3" />}
      <div className="mt-4 flex justify-end"><Button type="submit" variant="primary" busy={busy}>Expect them</Button></div>
    </form>
  );
}
