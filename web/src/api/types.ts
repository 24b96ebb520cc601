// The shapes of the REST interface under the names that the page uses. They are generated from the server's OpenAPI
// document (`npm run api:types`); nothing here is written by hand but the names.
import type { components } from "./schema";

export type { paths } from "./schema";

export type Schemas = components["schemas"];

/** RFC 9457. `params` names settings that the server refused before the device saw them. */
export type Problem = Schemas["Problem"];
export interface Page<T> { items: T[]; next?: string | null }

export type Me = Schemas["Me"];
export type RoleName = Schemas["RoleName"];
export type TokenInfo = Schemas["TokenInfo"];
export type CreatedToken = Schemas["CreatedToken"];

export type Device = Schemas["Device"];
export type TwinItem = Schemas["TwinItem"];
export type Session = Schemas["Session"];

export type Fault = Schemas["Fault"];
export type ParamFault = Schemas["ParamFault"];
export type Outcome = Schemas["Outcome"];
export type SchemaResult = Schemas["SchemaResult"];
/** One result of an operation other than a schema request. Which members it has follows from the outcome's `kind`. */
export type OperationResult = Partial<Schemas["GetResult"] & Schemas["InstancesResult"] & Schemas["SetResult"] & Schemas["AddResult"] & Schemas["DeleteResult"] & Schemas["OperateResult"]>;

export type Job = Schemas["Job"];
export type JobKind = Schemas["JobKind"];
export type JobState = Schemas["JobState"];

export type CuspEvent = Schemas["Event"];
export type EventKind = Schemas["EventKind"];

export type Model = Schemas["Model"];
/** What an imported data model says of anything that has a name. */
export interface Described { description?: string | null }
export type ModelObject = Schemas["ModelObject"];
export type ModelParam = Schemas["ModelParam"];
export type ModelCommand = Schemas["ModelCommand"];
export type ModelEvent = Schemas["ModelEvent"];
export type ModelArg = Schemas["ModelArg"];

export type PendingDevice = Schemas["Pending"];
/** `fingerprint` is what the person saw: that of the row, or `plain` where it has none. */
export type ApproveBody = Schemas["ApproveBody"] & { fingerprint?: string };
export type Refusal = Schemas["Refused"];
export type Certificate = Schemas["Certificate"];
export type Expected = Schemas["Expected"];
export type Enrolment = Schemas["Enrolment"];
export type CreatedEnrolment = Schemas["CreatedEnrolment"];
export type BrokerInfo = Schemas["BrokerInfo"];
export type ConnectInfo = Schemas["ConnectInfo"];
export type TraceItem = Schemas["TraceItem"];

export type GetBody = Schemas["GetBody"];
export type SetBody = Schemas["SetBody"];
export type DeleteBody = Schemas["DeleteBody"];
export type OperateBody = Schemas["OperateBody"];
export type InstancesBody = Schemas["InstancesBody"];
