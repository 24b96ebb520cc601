// One device's values, shared by its pages: loads the stored twin, reads live, and follows the event stream.
import { createContext, useContext, useEffect, useMemo, useSyncExternalStore, type ReactNode } from "react";
import { api, ApiError, unwrap } from "../api/client";
import { followJob, readLive } from "../api/operations";
import { resultsOf } from "../api/outcome";
import type { Job } from "../api/types";
import { changedRow, changedValues } from "../live/changes";
import { useLive, useLiveEvents } from "../live/LiveProvider";
import { isObjectPath } from "./paths";
import { liveRead, Twin } from "./twin";

const PAGE = 500;
/** As many as the server keeps of one device: 100,000 values. */
const MAX_PAGES = 200;

export class TwinClient {
  readonly twin = new Twin();
  /** Paths that were read, and whether as a table. */
  #loaded = new Map<string, boolean>();
  #loading = new Map<string, Promise<boolean>>();
  #everything: Promise<void> | undefined;

  constructor(readonly device: string) {}

  /** Reads one node from the stored twin, once; `table` also takes the rows' own parameters. True for the call that read it. */
  load(path: string, table = false): Promise<boolean> {
    if (this.#loaded.has(path)) return Promise.resolve(false);
    const running = this.#loading.get(path);
    if (running) return running.then(() => false);
    if (this.twin.read(path)?.state !== "reading") this.twin.setRead(path, { state: "loading" });
    const load = this.#pages(path, table ? 2 : 1)
      .then(() => {
        this.#loaded.set(path, table);
        if (this.twin.read(path)?.state === "loading") this.twin.setRead(path, { state: "ready" });
        return true;
      })
      .catch((error: unknown) => {
        this.#failed(path, error);
        return false;
      })
      .finally(() => this.#loading.delete(path));
    this.#loading.set(path, load);
    return load;
  }

  /** Reads the whole stored twin, for searching in it. */
  loadAll(): Promise<void> {
    this.#everything ??= this.#pages("Device.", undefined).catch((error: unknown) => {
      this.#everything = undefined;
      throw error;
    });
    return this.#everything;
  }

  /** Asks the device itself for one node. The answer, or the reason for none, is in the twin afterwards. */
  async refresh(path: string, table: boolean): Promise<Job | undefined> {
    this.twin.setRead(path, { state: "reading" });
    try {
      const job = await followJob(await readLive(this.device, liveRead(path, table)), () => {}, AbortSignal.timeout(60_000));
      this.twin.putOutcome(job.outcome, job.updated);
      const fault = job.outcome?.failed ?? resultsOf(job.outcome).find((result) => result.error)?.error ?? job.error;
      if (fault) this.twin.setRead(path, { state: "error", message: fault.message, code: fault.code ?? undefined });
      else if (job.state === "done" || job.state === "partial") {
        if (table) this.#keepAnswered(path, job);
        this.twin.setRead(path, { state: "ready" });
      } else this.twin.setRead(path, { state: "error", message: job.state === "queued" ? "The device is away; the read waits for it" : `The read is ${job.state}` });
      return job;
    } catch (error) {
      this.#failed(path, error);
      return undefined;
    }
  }

  /** Reads again what was read: events may have been missed. */
  reload(): void {
    const before = [...this.#loaded];
    this.#loaded.clear();
    this.#everything = undefined;
    for (const [path, table] of before) void this.load(path, table);
  }

  #keepAnswered(table: string, job: Job): void {
    const rows = new Set<string>();
    for (const result of resultsOf(job.outcome)) {
      for (const object of result.objects ?? []) if (object.path.startsWith(table)) rows.add(object.path.slice(table.length).split(".")[0] ?? "");
    }
    this.twin.keepRows(table, rows);
  }

  async #pages(path: string, depth: number | undefined): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = { path, depth, limit: PAGE, cursor };
      const answer = await unwrap(api.GET("/devices/{id}/params", { params: { path: { id: this.device }, query } }));
      this.twin.putItems(answer.items);
      this.twin.setTruncated(answer.truncated);
      if (!answer.next) return;
      cursor = answer.next;
    }
    this.twin.setTruncated(true);
  }

  #failed(path: string, error: unknown): void {
    const code = error instanceof ApiError ? error.code : undefined;
    this.twin.setRead(path, { state: "error", message: error instanceof Error ? error.message : String(error), code });
  }
}

const TwinContext = createContext<TwinClient | undefined>(undefined);

export function TwinProvider({ device, children }: { device: string; children: ReactNode }) {
  const client = useMemo(() => new TwinClient(device), [device]);
  const { onReopened } = useLive();
  useEffect(() => onReopened(() => client.reload()), [client, onReopened]);
  useLiveEvents((event) => {
    if (event.device !== device) return;
    const row = changedRow(event);
    if (row?.created === false) client.twin.remove(row.path);
    else if (row) client.twin.addRow(row.path);
    const values = changedValues(event).filter(([path]) => !isObjectPath(path));
    if (values.length > 0) client.twin.putValues(values, event.at, "notified");
  });
  return <TwinContext value={client}>{children}</TwinContext>;
}

/** The shared twin, and a number that changes with it. */
export function useTwin(): { client: TwinClient; twin: Twin; version: number } {
  const client = useContext(TwinContext);
  if (!client) throw new Error("useTwin outside TwinProvider");
  const version = useSyncExternalStore(client.twin.subscribe, client.twin.version);
  return { client, twin: client.twin, version };
}
