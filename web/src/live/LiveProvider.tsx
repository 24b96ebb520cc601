// Joins the event stream with the cached queries: each event refreshes what it makes stale, and pages may listen in.
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { keys } from "../api/queries";
import type { CuspEvent, Device, Page } from "../api/types";
import { LiveStream, type LiveState } from "./stream";

type Listener = (event: CuspEvent) => void;
interface Live { state: LiveState; listen: (listener: Listener) => () => void; onReopened: (listener: () => void) => () => void }

const LiveContext = createContext<Live | undefined>(undefined);

/** Events come in storms; lists are refetched at most this often. */
const REFRESH_MS = 400;

export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");
  const listeners = useRef(new Set<Listener>());
  const reopened = useRef(new Set<() => void>());

  useEffect(() => {
    const refresher = new Refresher(client);
    const stream = new LiveStream({
      onState: setState,
      onEvent: (event) => {
        refresher.take(event);
        for (const listener of listeners.current) listener(event);
      },
      onReopened: () => {
        void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "me" && query.queryKey[2] !== "model" });
        for (const listener of reopened.current) listener();
      },
    });
    stream.start();
    return () => {
      stream.stop();
      refresher.stop();
    };
  }, [client]);

  const live = useMemo<Live>(
    () => ({
      state,
      listen: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
      onReopened: (listener) => {
        reopened.current.add(listener);
        return () => reopened.current.delete(listener);
      },
    }),
    [state],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("useLive outside LiveProvider");
  return live;
}

/** Calls `listener` with each event while the component is mounted. */
export function useLiveEvents(listener: Listener): void {
  const { listen } = useLive();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => listen((event) => latest.current(event)), [listen]);
}

/** Collects stale query keys and refreshes them together. */
class Refresher {
  #client: QueryClient;
  #stale = new Map<string, readonly unknown[]>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(client: QueryClient) {
    this.#client = client;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  take(event: CuspEvent): void {
    const device = event.device;
    switch (event.kind) {
      case "online":
      case "offline":
        if (device) {
          setOnline(this.#client, device, event.kind === "online", event.at);
          this.#mark(keys.sessions(device));
        }
        break;
      case "boot":
      case "onboard":
      case "onboarded":
      case "approved":
        this.#mark(keys.devices, keys.names, keys.pending);
        if (device) this.#mark(keys.device(device));
        break;
      case "pending":
      case "rejected":
        this.#mark(keys.pending);
        break;
      case "refused":
        this.#mark(keys.refused);
        break;
      case "job":
      case "operation_complete":
        this.#mark(keys.jobs);
        if (event.job) this.#mark(keys.job(event.job));
        break;
      case "periodic":
      case "value_change":
      case "object_creation":
      case "object_deletion":
      case "event":
        break;
    }
    if (device) this.#mark(keys.deviceEvents(device));
  }

  #mark(...stale: (readonly unknown[])[]): void {
    for (const key of stale) this.#stale.set(JSON.stringify(key), key);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const due = [...this.#stale.values()];
      this.#stale.clear();
      for (const queryKey of due) void this.#client.invalidateQueries({ queryKey, exact: queryKey[0] === "device" && queryKey.length === 2 });
    }, REFRESH_MS);
  }
}

/** Presence changes far more often than anything else about a device, so it is patched in place. */
function setOnline(client: QueryClient, id: string, online: boolean, at: string): void {
  const patch = (device: Device): Device => (device.id === id ? { ...device, online, last_seen: at } : device);
  client.setQueryData<Device>(keys.device(id), (device) => device && patch(device));
  client.setQueriesData<{ pages: Page<Device>[]; pageParams: unknown[] }>({ queryKey: keys.devices }, (data) =>
    data && { ...data, pages: data.pages.map((page) => ({ ...page, items: page.items.map(patch) })) },
  );
}
