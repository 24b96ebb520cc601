// Keyboard of the tree, after the WAI-ARIA tree pattern, as a pure function: rows, place and key in, intention out.
import { parentOf } from "./paths";
import type { Row } from "./rows";

export type TreeAction =
  | { do: "move"; to: number }
  | { do: "open" | "close" | "activate" | "read" | "add" | "remove" | "copy"; path: string }
  | { do: "openSiblings"; paths: string[] };

export interface TreeKey { key: string; ctrl?: boolean; pageSize?: number }

export const isBranch = (row: Row): row is Extract<Row, { kind: "object" | "table" | "row" }> =>
  row.kind === "object" || row.kind === "table" || row.kind === "row";

export function treeKey(rows: readonly Row[], active: number, { key, ctrl = false, pageSize = 10 }: TreeKey): TreeAction | undefined {
  const row = rows[active];
  if (!row) return rows.length > 0 ? { do: "move", to: 0 } : undefined;
  const last = rows.length - 1;
  const move = (to: number): TreeAction => ({ do: "move", to: Math.max(0, Math.min(last, to)) });
  if (ctrl) return key === "c" ? { do: "copy", path: row.path } : undefined;
  switch (key) {
    case "ArrowDown": return move(active + 1);
    case "ArrowUp": return move(active - 1);
    case "Home": return move(0);
    case "End": return move(last);
    case "PageDown": return move(active + pageSize);
    case "PageUp": return move(active - pageSize);
    case "ArrowRight":
      if (!isBranch(row)) return undefined;
      return row.open ? move(active + 1) : { do: "open", path: row.path };
    case "ArrowLeft": {
      if (isBranch(row) && row.open) return { do: "close", path: row.path };
      const parent = rows.findIndex((other) => other.path === parentOf(row.path));
      return parent >= 0 ? move(parent) : undefined;
    }
    case "Enter":
    case " ":
      if (isBranch(row)) return { do: row.open ? "close" : "open", path: row.path };
      return { do: "activate", path: row.path };
    case "*":
      return { do: "openSiblings", paths: rows.filter((other) => isBranch(other) && !other.open && parentOf(other.path) === parentOf(row.path)).map((other) => other.path) };
    case "r": return { do: "read", path: row.path };
    case "a": return row.kind === "table" ? { do: "add", path: row.path } : undefined;
    case "Delete": return row.kind === "row" ? { do: "remove", path: row.path } : undefined;
    default: return undefined;
  }
}
