// What the page knows of one device's values: the stored twin, live reads and value-change events, newest wins. No IO.
import { resultsOf } from "../api/outcome";
import type { Outcome, TwinItem } from "../api/types";
import { isObjectPath, isRowPath, nameOf, parentOf } from "./paths";

export interface Known extends TwinItem { /** Counts changes seen while the page is open, so that a row can flash. */ changes: number }
export type ReadState = { state: "loading" | "reading" | "ready" } | { state: "error"; message: string; code?: number };

interface Node { params: Set<string>; objects: Set<string> }

export class Twin {
  #values = new Map<string, Known>();
  #nodes = new Map<string, Node>();
  #reads = new Map<string, ReadState>();
  #listeners = new Set<() => void>();
  #version = 0;
  #truncated = false;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  /** Grows with every change; what React compares. */
  version = (): number => this.#version;

  value(path: string): Known | undefined {
    return this.#values.get(path);
  }
  params(object: string): ReadonlySet<string> {
    return this.#nodes.get(object)?.params ?? EMPTY;
  }
  /** Child object names, for a table its instance numbers. */
  objects(object: string): ReadonlySet<string> {
    return this.#nodes.get(object)?.objects ?? EMPTY;
  }
  read(path: string): ReadState | undefined {
    return this.#reads.get(path);
  }
  /** The server keeps, or has told, only a part of what the device has said. */
  truncated(): boolean {
    return this.#truncated;
  }

  setTruncated(truncated: boolean): void {
    if (this.#truncated === truncated) return;
    this.#truncated = truncated;
    this.#changed();
  }

  setRead(path: string, state: ReadState): void {
    this.#reads.set(path, state);
    this.#changed();
  }

  /** Takes stored values. An older one never replaces a newer one. */
  putItems(items: readonly TwinItem[]): void {
    for (const item of items) this.#put(item);
    this.#changed();
  }

  /** Takes values that were seen at `at`, from a live read or an event. */
  putValues(values: Iterable<readonly [path: string, value: string]>, at: string, source: string): void {
    for (const [path, value] of values) this.#put({ ...this.#values.get(path), path, value, at, source });
    this.#changed();
  }

  addRow(path: string): void {
    this.#node(path);
    this.#changed();
  }

  /** Forgets a row, or any object, with everything below it. */
  remove(path: string): void {
    this.#drop(path);
    this.#nodes.get(parentOf(path))?.objects.delete(nameOf(path));
    this.#changed();
  }

  /** Keeps only these rows of a table: the device has just said which there are. */
  keepRows(table: string, rows: ReadonlySet<string>): void {
    for (const row of [...this.objects(table)]) if (!rows.has(row)) this.remove(`${table}${row}.`);
    this.#changed();
  }

  /** Takes the result of any operation on this device: what was read, written, created or deleted. */
  putOutcome(outcome: Outcome | null | undefined, at: string): void {
    for (const result of resultsOf(outcome)) {
      for (const object of result.objects ?? []) {
        this.#node(object.path);
        this.putValues(Object.entries(object.params).map(([name, value]) => [object.path + name, value] as const), at, "read");
      }
      for (const object of result.updated ?? []) {
        this.putValues(Object.entries(object.params).map(([name, value]) => [object.path + name, value] as const), at, "written");
      }
      if (result.created) {
        const { path, unique_keys } = result.created;
        this.#node(path);
        this.putValues(Object.entries(unique_keys ?? {}).map(([name, value]) => [path + name, value] as const), at, "written");
      }
      for (const path of result.affected ?? []) this.remove(path);
    }
    this.#changed();
  }

  #put(item: TwinItem): void {
    // A row that is known to be there, whatever is known in it.
    if (isObjectPath(item.path)) {
      this.#node(item.path);
      return;
    }
    const before = this.#values.get(item.path);
    if (before && Date.parse(before.at) > Date.parse(item.at)) return;
    const changes = (before?.changes ?? 0) + (before && before.value !== item.value ? 1 : 0);
    this.#values.set(item.path, { ...before, ...item, changes });
    if (!before) this.#node(parentOf(item.path)).params.add(nameOf(item.path));
  }

  #node(path: string): Node {
    let node = this.#nodes.get(path);
    if (!node) {
      node = { params: new Set(), objects: new Set() };
      this.#nodes.set(path, node);
      const parent = parentOf(path);
      if (parent !== "") this.#node(parent).objects.add(nameOf(path));
    }
    return node;
  }

  #drop(path: string): void {
    const node = this.#nodes.get(path);
    if (!node) return;
    for (const name of node.objects) this.#drop(`${path}${name}.`);
    for (const name of node.params) this.#values.delete(path + name);
    this.#nodes.delete(path);
    this.#reads.delete(path);
  }

  #changed(): void {
    this.#version += 1;
    for (const listener of this.#listeners) listener();
  }
}

const EMPTY: ReadonlySet<string> = new Set();

/** The paths and depth of a Get that reads exactly one node of the tree, and none of the objects below it. */
export function liveRead(path: string, table: boolean): { paths: string[]; max_depth: number } {
  if (!isObjectPath(path)) return { paths: [path], max_depth: 1 };
  return { paths: [table && !isRowPath(path) ? `${path}*.` : path], max_depth: 1 };
}
