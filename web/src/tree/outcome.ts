// Reads an operation's outcome the way the tree needs it: what went wrong with which path. Pure.
import type { Fault, Job, Outcome, SetBody } from "../api/types";
import { ApiError } from "../api/client";
import { resultsOf } from "../api/outcome";
import { nameOf, parentOf } from "./paths";

/** Every fault of an outcome by full path; the empty path stands for the message as a whole. */
export function faultsOf(job: Pick<Job, "outcome" | "error">): Map<string, Fault> {
  const faults = new Map<string, Fault>();
  const outcome: Outcome | null | undefined = job.outcome;
  if (outcome?.failed) {
    faults.set("", outcome.failed);
    for (const { param, code, message } of outcome.failed.params ?? []) faults.set(param, { code, message });
  } else if (job.error) {
    faults.set("", { code: job.error.code ?? 0, message: job.error.message });
  }
  for (const result of resultsOf(outcome)) {
    if (result.error) faults.set(result.requested ?? result.executed ?? "", result.error);
    for (const object of [...(result.failures ?? []), ...(result.updated ?? [])]) {
      for (const { param, code, message } of object.errors ?? []) faults.set(fullPath(object.path, param), { code, message });
    }
    for (const { param, code, message } of result.created?.errors ?? []) faults.set(fullPath(result.created?.path ?? "", param), { code, message });
    for (const { path, code, message } of result.unaffected ?? []) faults.set(path, { code, message });
  }
  return faults;
}

const fullPath = (object: string, param: string): string => (param.startsWith("Device.") ? param : object + param);

/** The fault of one parameter, else that of its object, else that of the whole message. */
export function faultFor(faults: ReadonlyMap<string, Fault>, path: string): Fault | undefined {
  return faults.get(path) ?? faults.get(nameOf(path)) ?? faults.get(parentOf(path)) ?? faults.get("");
}

/** Why the server itself refused a write: what it says of this parameter, else of the request. */
export function refusalOf(error: unknown, path: string): Fault {
  if (!(error instanceof ApiError)) return { code: 0, message: error instanceof Error ? error.message : String(error) };
  return error.params.find(({ param }) => param === path || param === nameOf(path)) ?? { code: error.code ?? 0, message: error.message };
}

/** Groups parameter writes by object, in the order they were made. */
export function setBody(changes: Iterable<readonly [path: string, value: string]>, allowPartial: boolean): SetBody {
  const objects = new Map<string, { param: string; value: string; required: boolean }[]>();
  for (const [path, value] of changes) {
    const object = parentOf(path);
    const params = objects.get(object) ?? [];
    params.push({ param: nameOf(path), value, required: !allowPartial });
    objects.set(object, params);
  }
  return { objects: [...objects].map(([path, params]) => ({ path, params })), allow_partial: allowPartial };
}
