// One row of the tree.
import { memo } from "react";
import { Icon, type IconName } from "../components/icons";
import { Ago } from "../components/time";
import { cx } from "../components/ui";
import { describe, firstSentence } from "./describe";
import type { Row } from "./rows";
import { rowLabel } from "./rows";
import { isBranch } from "./keyboard";
import type { Twin } from "./twin";

export const TREE_GRID = "grid grid-cols-[minmax(0,1.35fr)_minmax(0,1fr)] items-center gap-x-3 md:grid-cols-[minmax(0,1.7fr)_minmax(0,1fr)_5rem_4.6rem] 2xl:grid-cols-[minmax(0,1.6fr)_minmax(0,1.15fr)_8.6rem_4.8rem_4.6rem]";
const INDENT_REM = 0.8;

interface TreeRowProps {
  id: string;
  row: Row;
  place: number;
  siblings: number;
  twin: Twin;
  offset: number;
  height: number;
  active: boolean;
  staged: string | undefined;
  onSelect: () => void;
  onToggle: () => void;
  onActivate: () => void;
}

export const TreeRow = memo(function TreeRow({ id, row, place, siblings, twin, offset, height, active, staged, onSelect, onToggle, onActivate }: TreeRowProps) {
  const branch = isBranch(row);
  return (
    <div
      id={id}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-posinset={place}
      aria-setsize={siblings}
      aria-expanded={branch ? row.open : undefined}
      aria-selected={active}
      data-path={row.path}
      className={cx(TREE_GRID, "absolute inset-x-0 cursor-default px-3", active ? "bg-accent-soft group-focus-visible/tree:outline-2 group-focus-visible/tree:-outline-offset-2 group-focus-visible/tree:outline-accent" : "hover:bg-hover")}
      style={{ height, transform: `translateY(${offset}px)` }}
      onClick={onSelect}
      onDoubleClick={() => (branch ? onToggle() : onActivate())}
    >
      <span className="flex min-w-0 items-center gap-1" style={{ paddingLeft: `${row.depth * INDENT_REM}rem` }}>
        {branch ? (
          <span aria-hidden="true" className="-m-1 shrink-0 cursor-pointer p-1 text-faint hover:text-ink" onClick={(event) => { event.stopPropagation(); onSelect(); onToggle(); }} onDoubleClick={(event) => event.stopPropagation()}>
            <Icon name="chevron" size={12} className={cx("transition-transform", row.open && "rotate-90")} />
          </span>
        ) : (
          <LeafIcon row={row} />
        )}
        <Name row={row} />
      </span>
      <Value row={row} twin={twin} staged={staged} />
      <span className="truncate text-xs text-faint max-2xl:hidden">{row.kind === "param" && typeText(row)}</span>
      <span className="text-xs text-faint max-md:hidden">{accessText(row)}</span>
      <span className="truncate text-xs text-faint max-md:hidden">{row.kind === "param" && row.known && <Ago at={row.known.at} />}</span>
    </div>
  );
});

function LeafIcon({ row }: { row: Row }) {
  const icon: IconName | undefined = row.kind === "command" ? "play" : row.kind === "event" ? "bell" : undefined;
  return <span className="w-3 shrink-0 text-faint" aria-hidden="true">{icon && <Icon name={icon} size={12} />}</span>;
}

function Name({ row }: { row: Row }) {
  if (row.kind === "note") return <span className={cx("truncate", row.error ? "text-bad" : "text-faint italic")}>{row.text}</span>;
  if (row.kind === "command") return <span className="truncate text-accent" title={firstSentence(describe(row.schema)) || undefined}>{row.name}</span>;
  if (row.kind === "event") return <span className="truncate text-muted" title={firstSentence(describe(row.schema)) || undefined}>{row.name}</span>;
  return (
    <span className={cx("truncate", isBranch(row) && "font-medium")} title={[row.name, firstSentence(describe(row.schema))].filter(Boolean).join(": ")}>
      {row.name}
      {row.kind === "table" && <span className="ml-1.5 text-xs font-normal text-faint">{row.count > 0 ? row.count : "table"}</span>}
    </span>
  );
}

function Value({ row, twin, staged }: { row: Row; twin: Twin; staged: string | undefined }) {
  if (row.kind === "row") return <span className="value truncate text-muted">{rowLabel(twin, row.path)}</span>;
  if (row.kind !== "param") return <span />;
  if (staged !== undefined) {
    return <span className="value flex min-w-0 items-center gap-1.5"><span className="truncate rounded-[3px] bg-warn-soft px-1 text-warn">{row.schema?.secured ? "••••" : staged || "empty"}</span><span className="shrink-0 text-xs text-faint">not yet sent</span></span>;
  }
  const { known } = row;
  if (row.schema?.secured) return <span className="value text-faint" title="Secured: devices do not tell it">••••</span>;
  if (!known) return <span className="value text-faint">–</span>;
  const text = known.value === "" ? <span className="text-faint">empty</span> : known.value;
  // A fresh key per change restarts the flash.
  return <span key={known.changes} title={known.value} className={cx("value truncate rounded-[3px]", known.changes > 0 && "animate-flash")} data-value="">{text}{row.schema?.units && known.value !== "" && <span className="ml-1.5 text-faint 2xl:hidden">{row.schema.units}</span>}</span>;
}

function typeText(row: Extract<Row, { kind: "param" }>): string {
  const type = row.schema?.type ?? row.known?.type ?? "";
  return [row.schema?.list ? `${type} list` : type, row.schema?.units].filter(Boolean).join(" · ");
}

const ACCESS: Record<string, string> = { readOnly: "", readWrite: "write", writeOnceReadOnly: "write once", writeOnly: "write only", addDelete: "add, delete", addOnly: "add", deleteOnly: "delete" };

function accessText(row: Row): string {
  if (row.kind === "param") return row.schema ? (row.known?.writable === false ? "" : ACCESS[row.schema.access] ?? "") : row.known?.writable ? "write" : "";
  if (row.kind === "table") return (row.schema && ACCESS[row.schema.access]) ?? "";
  return row.kind === "command" ? (row.schema.async ? "runs long" : "") : "";
}
