// The last connection attempts that were turned away, and why.
import { useQuery } from "@tanstack/react-query";
import { refusedQuery } from "../api/queries";
import type { Refusal } from "../api/types";
import { columnsOf, DataTable } from "../components/DataTable";
import { Ago } from "../components/time";
import { Empty, ErrorNote, Loading, PageHeader } from "../components/ui";

const column = columnsOf<Refusal>();
const COLUMNS = column.columns([
  column.display({ id: "at", header: "When", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.at} /></span> }),
  column.display({ id: "peer", header: "From", cell: ({ row }) => <span className="value">{row.original.peer}</span> }),
  column.display({ id: "endpoint", header: "Said to be", cell: ({ row }) => <span className="value">{row.original.endpoint || <span className="text-faint">not said</span>}</span> }),
  column.display({ id: "reason", header: "Why", cell: ({ row }) => row.original.reason }),
]);

export function RefusedPage() {
  const query = useQuery(refusedQuery);
  const rows = query.data?.items ?? [];
  return (
    <>
      <PageHeader title="Refused" detail="The last attempts to connect that were turned away, newest first." />
      <div className="px-4 pb-8 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : rows.length === 0 ? <Empty title="Nothing was refused">Wrong certificates, expired tokens, second sessions and malformed handshakes would be listed here.</Empty> : (
            <DataTable label="Refused attempts" columns={COLUMNS} rows={rows} rowId={(row) => `${row.at} ${row.peer} ${row.endpoint ?? ""} ${row.reason}`} />
          )}
        </div>
      </div>
    </>
  );
}
