// The visible rows of the tree, top to bottom, from the model, the twin and what is open. Pure.
import type { ModelCommand, ModelEvent, ModelObject, ModelParam } from "../api/types";
import { compareNames, isRowPath, nameOf } from "./paths";
import type { SchemaIndex } from "./schema";
import type { Known, ReadState, Twin } from "./twin";

export type Row = { path: string; name: string; depth: number } & (
  | { kind: "object" | "table" | "row"; open: boolean; schema: ModelObject | undefined; count: number; read: ReadState | undefined }
  | { kind: "param"; schema: ModelParam | undefined; known: Known | undefined }
  | { kind: "command"; schema: ModelCommand }
  | { kind: "event"; schema: ModelEvent }
  | { kind: "note"; text: string; error: boolean }
);

/** Models nest about ten deep; a path deeper than this is not followed. */
const MAX_DEPTH = 32;

export interface RowOptions { open: ReadonlySet<string>; filter: string; root?: string }

export function visibleRows(schema: SchemaIndex, twin: Twin, options: RowOptions): Row[] {
  const out: Row[] = [];
  const walk = new Walk(schema, twin, options.open, options.filter.trim().toLowerCase());
  walk.object(options.root ?? "Device.", 0, out);
  return out;
}

class Walk {
  constructor(
    private readonly schema: SchemaIndex,
    private readonly twin: Twin,
    private readonly open: ReadonlySet<string>,
    private readonly filter: string,
  ) {}

  object(path: string, depth: number, out: Row[]): void {
    if (depth > MAX_DEPTH) return;
    const table = this.schema.isTable(path) || (this.schema.own(path) === undefined && hasRows(this.twin, path));
    const kind = isRowPath(path) ? "row" : table ? "table" : "object";
    const filtering = this.filter !== "";
    const selfMatches = filtering && this.#matches(path);
    const open = filtering || this.open.has(path);
    const read = this.twin.read(path);
    const head: Row = { kind, path, name: nameOf(path), depth, open, schema: this.schema.object(path), count: this.twin.objects(path).size, read };
    const below: Row[] = [];
    if (open) {
      if (kind !== "table") this.#members(path, depth + 1, below);
      for (const name of this.#childNames(path, kind === "table")) this.object(`${path}${name}.`, depth + 1, below);
      if (!filtering) this.#note(path, kind, depth + 1, read, below);
    }
    if (filtering && below.length === 0 && !selfMatches) return;
    out.push(head, ...below);
  }

  /** Parameters, then commands, then events: what one comes for stands first. */
  #members(path: string, depth: number, out: Row[]): void {
    const object = this.schema.own(path);
    const schemas = new Map((object?.params ?? []).map((param) => [param.name, param]));
    const names = new Set([...schemas.keys(), ...this.twin.params(path)]);
    for (const name of [...names].sort(compareNames)) {
      const full = path + name;
      if (this.#matches(full)) out.push({ kind: "param", path: full, name, depth, schema: schemas.get(name), known: this.twin.value(full) });
    }
    for (const schema of object?.commands ?? []) {
      if (this.#matches(path + schema.name)) out.push({ kind: "command", path: path + schema.name, name: schema.name, depth, schema });
    }
    for (const schema of object?.events ?? []) {
      if (this.#matches(path + schema.name)) out.push({ kind: "event", path: path + schema.name, name: schema.name, depth, schema });
    }
  }

  #childNames(path: string, table: boolean): string[] {
    const known = this.twin.objects(path);
    const names = table ? [...known] : [...new Set([...this.schema.childObjects(path), ...known])];
    return names.sort(compareNames);
  }

  #note(path: string, kind: string, depth: number, read: ReadState | undefined, below: Row[]): void {
    const note = (text: string, error = false) => below.push({ kind: "note", path: `${path}#note`, name: "", depth, text, error });
    if (read?.state === "error") note(read.code ? `${read.message} (${read.code})` : read.message, true);
    else if (below.length === 0 && read?.state === "loading") note("Loading…");
    else if (below.length === 0 && read?.state === "reading") note("Asking the device…");
    else if (below.length === 0) note(kind === "table" ? "No rows" : "Nothing known here yet");
  }

  #matches(path: string): boolean {
    return this.filter === "" || path.toLowerCase().includes(this.filter);
  }
}

function hasRows(twin: Twin, path: string): boolean {
  for (const name of twin.objects(path)) if (/^\d+$/.test(name)) return true;
  return false;
}

/** Place among siblings, which a screen reader cannot count when only the rows in view are drawn. */
export function siblingPlaces(rows: readonly Row[]): { at: number; group: { size: number } }[] {
  const levels: { size: number }[] = [];
  const places: { at: number; group: { size: number } }[] = [];
  for (const row of rows) {
    // Rows above end the groups that were open below their level.
    levels.length = Math.min(levels.length, row.depth + 1);
    const group = (levels[row.depth] ??= { size: 0 });
    group.size += 1;
    places.push({ at: group.size, group });
  }
  return places;
}

/** What tells the rows of a table apart for people, the best first. Devices make aliases up (`cpe-3`), so they come last. */
const LABELS = ["Name", "HostName", "ID", "EndpointID", "IPAddress", "PhysAddress", "Command", "Alias"];

/** A short human label of a table row, from whichever of its parameters is known. */
export function rowLabel(twin: Twin, path: string): string {
  for (const name of LABELS) {
    const value = twin.value(path + name)?.value;
    if (value) return value;
  }
  return "";
}
