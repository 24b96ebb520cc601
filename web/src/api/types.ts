// The shapes of the REST interface, written by hand in the form that `npm run api:types` generates.
// This is the only file of the page that knows them; it holds no behaviour.

/** RFC 9457. `params` names settings that the server refused before the device saw them. */
export interface Problem { type: string; title: string; status: number; detail?: string; code?: number; params?: ParamFault[] }
export interface Page<T> { items: T[]; next: string | null }

export interface Me { user: string; roles: string[]; password_needed: boolean; tenant: string }
export interface TokenInfo { id: string; name: string; role: string; created?: string; expires?: string | null; last_used?: string | null }
export interface CreatedToken { id: string; name: string; role: string; token: string }

export interface Device {
  id: string;
  name?: string | null;
  tags: string[];
  endpoints: string[];
  protocol: string;
  manufacturer?: string | null;
  model?: string | null;
  serial?: string | null;
  software?: string | null;
  hardware?: string | null;
  oui?: string | null;
  product_class?: string | null;
  online: boolean;
  proven: boolean;
  address?: string | null;
  last_seen?: string | null;
  first_seen?: string | null;
  onboarded: boolean;
  model_hash?: string | null;
  tenant?: string;
}

export interface TwinItem { path: string; value: string; type?: string; writable?: boolean; at: string; source?: string }
export interface Session { link: string; transport: string; peer: string; proven: boolean; since: string; until?: string | null }

export interface Fault { code: number; message: string }
export interface ParamFault extends Fault { param: string }
export interface PathFault extends Fault { path: string }
export interface WholeFault { code: number; message: string; params?: ParamFault[] }

export interface GetResult { requested: string; error?: Fault | null; objects?: { path: string; params: Record<string, string> }[] }
export interface InstancesResult { requested: string; error?: Fault | null; instances?: { path: string; unique_keys: Record<string, string> }[] }
export interface SetResult {
  requested: string;
  error?: Fault | null;
  failures?: { path: string; errors: ParamFault[] }[];
  updated?: { path: string; params: Record<string, string>; errors?: ParamFault[] }[];
}
export interface AddResult { requested: string; error?: Fault | null; created?: { path: string; unique_keys: Record<string, string>; errors?: ParamFault[] } | null }
export interface DeleteResult { requested: string; error?: Fault | null; affected?: string[]; unaffected?: PathFault[] }
export interface OperateResult { executed: string; error?: Fault | null; output?: Record<string, string> | null; request?: string | null }
export interface SchemaResult { requested: string; error?: Fault | null; model_uri?: string; objects?: unknown[] }

/** Results of one operation. Which member of a result is filled in follows from `kind`; `failed` stands for a whole-message failure. */
export interface Outcome {
  kind: JobKind;
  failed?: WholeFault | null;
  results?: (Partial<GetResult> & Partial<InstancesResult> & Partial<SetResult> & Partial<AddResult> & Partial<DeleteResult> & Partial<OperateResult>)[];
}

export type JobKind = "get" | "instances" | "schema" | "set" | "add" | "delete" | "operate";
export type JobState = "queued" | "sent" | "accepted" | "done" | "partial" | "failed" | "expired" | "cancelled" | "in_doubt";
export interface Job {
  id: string;
  device: string;
  kind: JobKind;
  state: JobState;
  priority?: number | string;
  actor?: string;
  created: string;
  updated: string;
  deadline?: string | null;
  request: unknown;
  outcome?: Outcome | null;
  error?: { code?: number | null; message: string } | null;
}

export type EventKind =
  | "online" | "offline" | "boot" | "periodic" | "value_change" | "object_creation" | "object_deletion" | "operation_complete"
  | "event" | "onboard" | "onboarded" | "job" | "pending" | "approved" | "rejected" | "refused";
export interface CuspEvent {
  seq: number;
  at: string;
  device?: string | null;
  kind: EventKind;
  path?: string | null;
  params?: Record<string, string>;
  duplicate?: boolean;
  job?: string | null;
}

export type ObjectAccess = "readOnly" | "addDelete" | "addOnly" | "deleteOnly";
export type ParamAccess = "readOnly" | "readWrite" | "writeOnceReadOnly" | "writeOnly";
export interface ModelParam {
  name: string;
  access: ParamAccess;
  type: string;
  units?: string | null;
  min?: number | string | null;
  max?: number | string | null;
  enum?: string[] | null;
  list?: boolean;
  max_length?: number | null;
  pattern?: string | null;
  secured?: boolean;
  value_change?: string | boolean | null;
  description?: string | null;
}
export interface ModelArg { name: string; type?: string; mandatory?: boolean; enum?: string[] | null }
export interface ModelCommand { name: string; async: boolean; inputs?: ModelArg[]; outputs?: (ModelArg | string)[] }
export interface ModelEvent { name: string; args?: (ModelArg | string)[] }
export interface ModelObject {
  path: string;
  access: ObjectAccess;
  multi: boolean;
  unique_keys?: string[][];
  params?: ModelParam[];
  commands?: ModelCommand[];
  events?: ModelEvent[];
}
export interface Model { hash: string; uri?: string | null; objects: ModelObject[] }

export interface PendingDevice {
  endpoint: string;
  transport: string;
  peer: string;
  proven: boolean;
  fingerprint?: string | null;
  first_seen: string;
  last_seen: string;
  attempts: number;
}
export interface Refusal { at: string; peer: string; endpoint?: string | null; reason: string }
export interface Enrolment { id: string; name?: string | null; expires: string; uses?: number; used?: number }
export interface CreatedEnrolment { id: string; token: string; expires: string }
export interface ConnectInfo {
  endpoint_id: string;
  websocket_url: string;
  tls: boolean;
  ca_pem?: string | null;
  plaintext_warning: boolean;
  agent_toml: string;
  obuspa: string;
}
export interface TraceItem { at: string; direction: "in" | "out"; kind: string; msg_id?: string | null; summary: string; body: unknown }
export interface TracePage extends Page<TraceItem> { enabled?: boolean }

export interface GetBody { paths: string[]; max_depth?: number }
export interface SetObject { path: string; params: { param: string; value: string; required?: boolean }[] }
export interface SetBody { objects: SetObject[]; allow_partial?: boolean }
export interface DeleteBody { paths: string[]; allow_partial?: boolean }
export interface OperateBody { command: string; args: Record<string, string>; command_key?: string }
export interface InstancesBody { paths: string[]; first_level_only?: boolean }

type Query = Record<string, string | number | boolean | undefined>;
type Reply<T> = { responses: { 200: { content: { "application/json": T } }; default: { content: { "application/problem+json": Problem } } } };
type Params<P, Q> = { parameters: { path: P; query?: Q } };
type Body<B> = { requestBody: { content: { "application/json": B } } };
type Op<T, P = undefined, Q = Query> = Params<P extends undefined ? never : P, Q> & Reply<T>;
type OpFree<T, Q = Query> = { parameters: { query?: Q } } & Reply<T>;
type Id = { id: string };
type Operation<B> = { post: { parameters: { path: Id; query?: { wait?: string }; header?: { "Idempotency-Key"?: string } } } & Body<B> & Reply<Job> };

/** Paths in the form that openapi-fetch reads. */
export interface paths {
  "/me": { get: OpFree<Me> };
  "/auth/login": { post: OpFree<Me> & Body<{ user?: string; password?: string; link?: string }> };
  "/auth/password": { post: OpFree<undefined> & Body<{ password: string; current?: string }> };
  "/auth/logout": { post: OpFree<undefined> };
  "/tokens": { get: OpFree<Page<TokenInfo>>; post: OpFree<CreatedToken> & Body<{ name: string; role: string; expires_in?: string }> };
  "/tokens/{id}": { delete: Op<undefined, Id> };
  "/devices": { get: OpFree<Page<Device>> };
  "/devices/{id}": { get: Op<Device, Id>; patch: Op<Device, Id> & Body<{ name?: string; tags?: string[] }>; delete: Op<undefined, Id> };
  "/devices/{id}/params": { get: Op<Page<TwinItem>, Id> };
  "/devices/{id}/get": Operation<GetBody>;
  "/devices/{id}/instances": Operation<InstancesBody>;
  "/devices/{id}/set": Operation<SetBody>;
  "/devices/{id}/add": Operation<SetBody>;
  "/devices/{id}/delete": Operation<DeleteBody>;
  "/devices/{id}/operate": Operation<OperateBody>;
  "/devices/{id}/events": { get: Op<Page<CuspEvent>, Id> };
  "/devices/{id}/sessions": { get: Op<Page<Session>, Id> };
  "/devices/{id}/trace": { get: Op<TracePage, Id>; put: Op<undefined, Id> & Body<{ enabled: boolean }> };
  "/devices/{id}/model": { get: Op<Model, Id> };
  "/jobs": { get: OpFree<Page<Job>> };
  "/jobs/{id}": { get: Op<Job, Id>; delete: Op<undefined, Id> };
  "/pending": { get: OpFree<Page<PendingDevice>> };
  "/pending/{endpoint}/approve": { post: Op<Device, { endpoint: string }> & Body<{ name?: string }> };
  "/pending/{endpoint}/reject": { post: Op<undefined, { endpoint: string }> };
  "/refused": { get: OpFree<Page<Refusal>> };
  "/enrolments": { get: OpFree<Page<Enrolment>>; post: OpFree<CreatedEnrolment> & Body<{ ttl: string; uses?: number; name?: string }> };
  "/enrolments/{id}": { delete: Op<undefined, Id> };
  "/connect": { get: OpFree<ConnectInfo> };
  "/events": { get: OpFree<Page<CuspEvent>> };
}
