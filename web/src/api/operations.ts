// The data-model operations on one device. Each gives back a job; a job still open when the wait ends is followed until it settles.
import { api, unwrap } from "./client";
import type { DeleteBody, GetBody, InstancesBody, Job, JobState, OperateBody, SetBody } from "./types";

/** How long the server holds the answer back while the device works. */
const WAIT = "20s";
const POLL_MS = 1_500;

/** States that a job does not leave. An `accepted` command still waits for its OperationComplete. */
const SETTLED: ReadonlySet<JobState> = new Set(["done", "partial", "failed", "expired", "cancelled", "in_doubt"]);
export const isSettled = (job: Pick<Job, "state">): boolean => SETTLED.has(job.state);

/** A fresh key, so that a retry by the browser or a proxy is the same job. `crypto.randomUUID` is missing on plain-HTTP pages. */
function idempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const call = (device: string) => ({ params: { path: { id: device }, query: { wait: WAIT }, header: { "Idempotency-Key": idempotencyKey() } } });

export const readLive = (device: string, body: GetBody) => unwrap(api.POST("/devices/{id}/get", { ...call(device), body }));
export const readInstances = (device: string, body: InstancesBody) => unwrap(api.POST("/devices/{id}/instances", { ...call(device), body }));
export const setValues = (device: string, body: SetBody) => unwrap(api.POST("/devices/{id}/set", { ...call(device), body }));
export const addRow = (device: string, body: SetBody) => unwrap(api.POST("/devices/{id}/add", { ...call(device), body }));
export const deleteRows = (device: string, body: DeleteBody) => unwrap(api.POST("/devices/{id}/delete", { ...call(device), body }));
export const runCommand = (device: string, body: OperateBody) => unwrap(api.POST("/devices/{id}/operate", { ...call(device), body }));

export const fetchJob = (job: string) => unwrap(api.GET("/jobs/{id}", { params: { path: { id: job } } }));
export const cancelJob = (job: string) => unwrap(api.DELETE("/jobs/{id}", { params: { path: { id: job } } }));

/** The server calls the device no more; its record stays. */
export const stopDialling = (device: string) => unwrap(api.DELETE("/devices/{id}/dial", { params: { path: { id: device } } }));

/** Follows a job to its end, reporting each state on the way. The caller stops it through `signal`. */
export async function followJob(job: Job, onChange: (job: Job) => void, signal?: AbortSignal): Promise<Job> {
  let current = job;
  onChange(current);
  while (!isSettled(current) && !signal?.aborted) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (signal?.aborted) break;
    current = await fetchJob(current.id);
    onChange(current);
  }
  return current;
}
