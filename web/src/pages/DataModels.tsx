// Imported data models: the published files that give parameters their descriptions, units and ranges.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { dataModelsKey, dataModelsQuery, importDataModel, removeDataModel, type DataModel } from "../api/datamodels";
import { columnsOf, DataTable } from "../components/DataTable";
import { Confirm } from "../components/Dialog";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Badge, Button, Empty, ErrorNote, IconButton, Loading, PageHeader } from "../components/ui";

const title = (model: DataModel): string => [model.name, model.version].filter(Boolean).join(" ");
const column = columnsOf<DataModel>();

export function DataModelsPage() {
  const query = useQuery(dataModelsQuery);
  const client = useQueryClient();
  const { say } = useNotices();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [removing, setRemoving] = useState<DataModel>();
  const input = useRef<HTMLInputElement>(null);

  // What a model says of a device's parameters changes with the imported files.
  const refresh = () => Promise.all([client.invalidateQueries({ queryKey: dataModelsKey }), client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "device" && queryKey[2] === "model" })]);

  const upload = async (files: FileList | null) => {
    setError(undefined);
    setBusy(true);
    try {
      // One after another: each is a long read for the server.
      for (const file of files ?? []) {
        const made = await importDataModel(file);
        say(`${title(made)} imported`, `${made.definitions.toLocaleString()} definitions`);
      }
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
      if (input.current) input.current.value = "";
      await refresh();
    }
  };

  const columns = column.columns([
    column.display({ id: "name", header: "Model", cell: ({ row: { original: model } }) => <span className="font-medium">{title(model)} <Badge>{model.protocol.toUpperCase()}</Badge></span> }),
    column.display({ id: "uri", header: "Says of itself", cell: ({ row }) => <span className="value text-muted">{row.original.uri}</span> }),
    column.display({ id: "definitions", header: "Definitions", cell: ({ row }) => row.original.definitions.toLocaleString() }),
    column.display({ id: "imported", header: "Imported", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.imported} /></span> }),
    column.display({ id: "remove", header: () => <span className="sr-only">Remove</span>, cell: ({ row }) => <IconButton icon="trash" label={`Remove ${title(row.original)}`} onClick={() => setRemoving(row.original)} /> }),
  ]);

  const items = query.data ?? [];
  return (
    <>
      <PageHeader title="Data models" detail="Published model files (XML, in their full form). They give the parameters of every device descriptions, units and ranges that the device itself does not tell.">
        <input ref={input} type="file" accept=".xml,text/xml,application/xml" multiple className="sr-only" aria-label="Data-model file" tabIndex={-1} onChange={(event) => void upload(event.target.files)} />
        <Button variant="primary" icon="plus" busy={busy} onClick={() => input.current?.click()}>{busy ? "Importing…" : "Import a file…"}</Button>
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {error !== undefined && <ErrorNote error={error} className="mb-3" />}
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : items.length === 0 ? (
            <Empty title="No data model imported">The Broadband Forum publishes them as <span className="value">tr-181-2-…-usp-full.xml</span>; makers of devices publish their own. <code className="value">cusp datamodel import FILE</code> does the same.</Empty>
          ) : (
            <DataTable label="Data models" columns={columns} rows={items} rowId={(model) => model.id} />
          )}
        </div>
      </div>
      <Confirm open={removing !== undefined} onClose={() => setRemoving(undefined)} title={`Remove ${removing ? title(removing) : ""}?`} action="Remove model" onConfirm={async () => { await removeDataModel(removing?.id ?? ""); await refresh(); }}>
        Parameters lose the descriptions that came from it. Devices and their values are not touched.
      </Confirm>
    </>
  );
}
