// The tree as a virtualised list: one focusable element, the active row named by aria-activedescendant, keys after the WAI-ARIA tree pattern.
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent } from "react";
import { isBranch, treeKey, type TreeAction } from "./keyboard";
import { siblingPlaces, type Row } from "./rows";
import { TREE_GRID, TreeRow } from "./TreeRow";
import type { Twin } from "./twin";

const ROW_PX = 26;

interface TreeViewProps {
  rows: Row[];
  twin: Twin;
  active: string;
  staged: ReadonlyMap<string, string>;
  onActive: (path: string) => void;
  onAction: (action: Exclude<TreeAction, { do: "move" }>) => void;
}

export function TreeView({ rows, twin, active, staged, onActive, onAction }: TreeViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const base = useId();
  const [typed, setTyped] = useState({ text: "", at: 0 });
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 16, getItemKey: (index) => rows[index]!.path });
  const places = useMemo(() => siblingPlaces(rows), [rows]);
  const index = rows.findIndex((row) => row.path === active);

  // A row that a link chose stays in view while the values above it arrive. Once a person has touched the tree it moves
  // only when another row is chosen: a list that grows must not jump under their hands.
  const touched = useRef(false);
  const followed = touched.current ? -1 : index;
  useEffect(() => {
    if (index >= 0) virtual.scrollToIndex(index, { align: "auto" });
  }, [active, followed]);
  const touch = () => {
    touched.current = true;
  };

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.altKey || event.target !== event.currentTarget) return;
    const pageSize = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PX) - 1);
    const action = treeKey(rows, index, { key: event.key, ctrl: event.ctrlKey || event.metaKey, pageSize });
    if (action) {
      event.preventDefault();
      if (action.do === "move") {
        const to = rows[action.to];
        if (to) onActive(to.path);
      } else onAction(action);
    } else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && /[A-Z0-9]/.test(event.key)) {
      typeAhead(event);
    }
  };

  // Names begin with a capital; small letters are commands, so Shift and a letter looks for a name.
  const typeAhead = (event: KeyboardEvent) => {
    const text = (event.timeStamp - typed.at < 700 ? typed.text : "") + event.key.toLowerCase();
    setTyped({ text, at: event.timeStamp });
    const from = text.length > 1 ? index : index + 1;
    const order = [...rows.slice(from), ...rows.slice(0, from)];
    const hit = order.find((row) => row.name.toLowerCase().startsWith(text));
    if (hit) onActive(hit.path);
  };

  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className={`${TREE_GRID} shrink-0 border-b border-line-strong px-3 py-1 text-xs text-faint`} aria-hidden="true">
        <span className="pl-5">Name</span><span>Value</span><span className="max-2xl:hidden">Type</span><span className="max-md:hidden">Access</span><span className="max-md:hidden">Read</span>
      </div>
      <div
        ref={scroller}
        role="tree"
        tabIndex={0}
        aria-label="Parameters"
        aria-activedescendant={index >= 0 ? `${base}-${index}` : undefined}
        className="group/tree min-h-0 flex-1 overflow-auto outline-none"
        onKeyDown={onKeyDown}
        onKeyDownCapture={touch}
        onPointerDown={touch}
        onWheel={touch}
        onFocus={(event) => event.target === event.currentTarget && index < 0 && rows[0] && onActive(rows[0].path)}
      >
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: "relative" }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index]!;
            return (
              <TreeRow
                key={item.key}
                id={`${base}-${item.index}`}
                row={row}
                place={places[item.index]!.at}
                siblings={places[item.index]!.group.size}
                twin={twin}
                offset={item.start}
                height={ROW_PX}
                active={item.index === index}
                staged={staged.get(row.path)}
                onSelect={() => onActive(row.path)}
                onToggle={() => isBranch(row) && onAction({ do: row.open ? "close" : "open", path: row.path })}
                onActivate={() => !isBranch(row) && onAction({ do: "activate", path: row.path })}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}
