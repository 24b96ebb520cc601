// A plain table on TanStack Table: columns in, semantic markup out. Arrow keys move between the rows' links.
import { createColumnHelper, tableFeatures, useTable, type ColumnDef } from "@tanstack/react-table";
import type { KeyboardEvent, ReactNode } from "react";
import { cx } from "./ui";

const features = tableFeatures({});
export type Column<T extends object> = ColumnDef<typeof features, T, any>;
export const columnsOf = <T extends object>() => createColumnHelper<typeof features, T>();

interface DataTableProps<T extends object> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowId: (row: T) => string;
  /** Rows hold a link: they are highlighted, and the arrow keys move from link to link. */
  linked?: boolean;
  sort?: { value: string; keys: Record<string, string>; onSort: (next: string) => void };
  /** Rendered in a full-width row below the row, when it gives something. */
  detail?: (row: T) => ReactNode;
}

export function DataTable<T extends object>({ label, columns, rows, rowId, linked, sort, detail }: DataTableProps<T>) {
  const table = useTable({ features, columns, data: rows, getRowId: rowId });
  return (
    <table className="grid-table" aria-label={label} onKeyDown={linked ? moveBetweenRows : undefined}>
      <thead>
        {table.getHeaderGroups().map((group) => (
          <tr key={group.id}>
            {group.headers.map((header) => (
              <SortHeader key={header.id} column={header.column.id} sort={sort}><table.FlexRender header={header} /></SortHeader>
            ))}
          </tr>
        ))}
      </thead>
      <tbody>
        {table.getRowModel().rows.map((row) => {
          const below = detail?.(row.original);
          return [
            <tr key={row.id} data-link={linked || undefined}>
              {row.getAllCells().map((cell) => <td key={cell.id}><table.FlexRender cell={cell} /></td>)}
            </tr>,
            below ? <tr key={`${row.id}-detail`}><td colSpan={columns.length} className="bg-canvas">{below}</td></tr> : null,
          ];
        })}
      </tbody>
    </table>
  );
}

function SortHeader({ column, sort, children }: { column: string; sort: DataTableProps<object>["sort"]; children: ReactNode }) {
  const key = sort?.keys[column];
  if (!sort || !key) return <th scope="col">{children}</th>;
  const direction = sort.value === key ? "ascending" : sort.value === `-${key}` ? "descending" : undefined;
  return (
    <th scope="col" aria-sort={direction}>
      <button type="button" className={cx("inline-flex items-center gap-1 hover:text-ink", direction && "text-ink")} onClick={() => sort.onSort(direction === "ascending" ? `-${key}` : key)}>
        {children}
        <span aria-hidden="true" className={direction ? "" : "opacity-0"}>{direction === "descending" ? "↓" : "↑"}</span>
      </button>
    </th>
  );
}

function moveBetweenRows(event: KeyboardEvent<HTMLTableElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0 || !(event.target instanceof HTMLAnchorElement)) return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>("tbody a[data-row-link]")];
  const next = links[links.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

export function LoadMore({ query }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  if (!query.hasNextPage) return null;
  return (
    <div className="border-t px-4 py-2 text-center">
      <button type="button" className="font-medium text-accent hover:underline" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        {query.isFetchingNextPage ? "Loading…" : "Show more"}
      </button>
    </div>
  );
}
