// Queries and their keys: one place that says what is cached under which name, so that live events can refresh it.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { Device, JobState } from "./types";

const PAGE = 100;

export const keys = {
  me: ["me"] as const,
  devices: ["devices"] as const,
  names: ["names"] as const,
  dialled: ["dialled"] as const,
  device: (id: string) => ["device", id] as const,
  model: (id: string) => ["device", id, "model"] as const,
  sessions: (id: string) => ["device", id, "sessions"] as const,
  deviceEvents: (id: string) => ["device", id, "events"] as const,
  trace: (id: string) => ["device", id, "trace"] as const,
  jobs: ["jobs"] as const,
  job: (id: string) => ["job", id] as const,
  pending: ["pending"] as const,
  refused: ["refused"] as const,
  enrolments: ["enrolments"] as const,
  connect: ["connect"] as const,
  tokens: ["tokens"] as const,
  certificates: ["certificates"] as const,
  expected: ["expected"] as const,
};

const id = (value: string) => ({ params: { path: { id: value } } });

export const meQuery = queryOptions({ queryKey: keys.me, queryFn: () => unwrap(api.GET("/me")), staleTime: 60_000, retry: false });

export const devicesQuery = (filter: { q: string; sort: string }) =>
  infiniteQueryOptions({
    queryKey: [...keys.devices, filter] as const,
    queryFn: ({ pageParam, signal }) =>
      unwrap(api.GET("/devices", { params: { query: { limit: PAGE, q: filter.q || undefined, sort: filter.sort || undefined, cursor: pageParam || undefined } }, signal })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: (previous) => previous,
  });

export const deviceQuery = (device: string) => queryOptions({ queryKey: keys.device(device), queryFn: async (): Promise<Device> => unwrap(api.GET("/devices/{id}", id(device))) });

/** The most rows that the server puts on one page. */
const LARGEST_PAGE = 500;

/** Names by device id, for lists of events and jobs; `more` where the fleet is larger than one page. */
export const namesQuery = queryOptions({
  queryKey: keys.names,
  queryFn: async () => {
    const page = await unwrap(api.GET("/devices", { params: { query: { limit: LARGEST_PAGE, fields: "id,name" } } }));
    return { byId: new Map(page.items.map((device) => [device.id, device.name])), more: Boolean(page.next) };
  },
  staleTime: 60_000,
});

/** Devices that the server dials, as far as it tells them in its first page. */
export const dialledQuery = queryOptions({
  queryKey: keys.dialled,
  queryFn: async () => ((await unwrap(api.GET("/devices", { params: { query: { limit: LARGEST_PAGE } } }))).items as Device[]).filter((device) => device.dial),
});

/** A model never changes under its hash, so one read per visit is enough. */
export const modelQuery = (device: string) =>
  queryOptions({ queryKey: keys.model(device), queryFn: () => unwrap(api.GET("/devices/{id}/model", id(device))), staleTime: Infinity, retry: 1 });

export const sessionsQuery = (device: string) => queryOptions({ queryKey: keys.sessions(device), queryFn: () => unwrap(api.GET("/devices/{id}/sessions", id(device))) });

export const deviceEventsQuery = (device: string) =>
  infiniteQueryOptions({
    queryKey: keys.deviceEvents(device),
    queryFn: ({ pageParam }) => unwrap(api.GET("/devices/{id}/events", { params: { path: { id: device }, query: { limit: PAGE, cursor: pageParam || undefined } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
  });

export const traceQuery = (device: string) =>
  queryOptions({ queryKey: keys.trace(device), queryFn: () => unwrap(api.GET("/devices/{id}/trace", id(device))), refetchInterval: 3_000 });

export const jobsQuery = (filter: { device?: string; state?: JobState | "" }) =>
  infiniteQueryOptions({
    queryKey: [...keys.jobs, filter] as const,
    queryFn: ({ pageParam }) =>
      unwrap(api.GET("/jobs", { params: { query: { limit: PAGE, device: filter.device, state: filter.state || undefined, cursor: pageParam || undefined } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
    placeholderData: (previous) => previous,
  });

export const pendingQuery = queryOptions({ queryKey: keys.pending, queryFn: () => unwrap(api.GET("/pending")), refetchInterval: 30_000 });
export const refusedQuery = queryOptions({ queryKey: keys.refused, queryFn: () => unwrap(api.GET("/refused")), refetchInterval: 30_000 });
export const enrolmentsQuery = infiniteQueryOptions({
  queryKey: keys.enrolments,
  queryFn: ({ pageParam }) => unwrap(api.GET("/enrolments", { params: { query: { limit: PAGE, cursor: pageParam || undefined } } })),
  initialPageParam: "",
  getNextPageParam: (page) => page.next,
});
export const connectQuery = queryOptions({ queryKey: keys.connect, queryFn: () => unwrap(api.GET("/connect")), staleTime: 60_000 });
export const tokensQuery = infiniteQueryOptions({
  queryKey: keys.tokens,
  queryFn: ({ pageParam }) => unwrap(api.GET("/tokens", { params: { query: { limit: PAGE, cursor: pageParam || undefined } } })),
  initialPageParam: "",
  getNextPageParam: (page) => page.next,
});

export const certificatesQuery = (filter: { revoked: boolean }) =>
  infiniteQueryOptions({
    queryKey: [...keys.certificates, filter] as const,
    queryFn: ({ pageParam }) => unwrap(api.GET("/certificates", { params: { query: { limit: PAGE, revoked: filter.revoked, cursor: pageParam || undefined } } })),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
  });

export const expectedQuery = infiniteQueryOptions({
  queryKey: keys.expected,
  queryFn: ({ pageParam }) => unwrap(api.GET("/expected", { params: { query: { limit: PAGE, cursor: pageParam || undefined } } })),
  initialPageParam: "",
  getNextPageParam: (page) => page.next,
});
