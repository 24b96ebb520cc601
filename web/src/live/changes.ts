// What an event says about parameter values and table rows, as pure functions of the event.
import type { CuspEvent } from "../api/types";
import { nameOf } from "../tree/paths";

/** Parameter values that an event carries, as full paths. */
export function changedValues(event: CuspEvent): [path: string, value: string][] {
  if (event.kind !== "value_change" && event.kind !== "object_creation") return [];
  const path = event.path ?? "";
  const out: [string, string][] = [];
  for (const [name, value] of Object.entries(event.params ?? {})) {
    if (name.startsWith("Device.")) out.push([name, value]);
    else if (path.endsWith(".")) out.push([path + name, value]);
    // An event that names one parameter may say no more than its value.
    else if (path !== "" && (name === nameOf(path) || name.toLowerCase() === "value")) out.push([path, value]);
  }
  return out;
}

/** The row that an event created or removed, as an object path with its final dot. */
export function changedRow(event: CuspEvent): { path: string; created: boolean } | undefined {
  if ((event.kind !== "object_creation" && event.kind !== "object_deletion") || !event.path) return undefined;
  return { path: event.path.endsWith(".") ? event.path : `${event.path}.`, created: event.kind === "object_creation" };
}

/** One line of text about an event, for lists. */
export function summarise(event: CuspEvent): string {
  const said = event.params ?? {};
  switch (event.kind) {
    case "job": return [said["kind"], said["state"]?.replace("_", " "), said["actor"] && `by ${said["actor"].replace(/^user:/, "").replace(":", " ")}`].filter(Boolean).join(" ");
    case "online": return [said["transport"] && `over ${said["transport"]}`, said["peer"] && `from ${said["peer"]}`, said["proven"] === "false" && "unproven"].filter(Boolean).join(" ");
    case "onboarded": return "subscriptions set, first values read";
    default: return summariseParams(event);
  }
}

function summariseParams(event: CuspEvent): string {
  const params = Object.entries(event.params ?? {});
  const shown = params.slice(0, 4).map(([name, value]) => `${name} = ${value}`).join(", ");
  const more = params.length > 4 ? `, and ${params.length - 4} more` : "";
  if (event.kind === "value_change" && params.length === 1 && event.path) {
    const [name, value] = params[0]!;
    const full = name.startsWith("Device.") ? name : event.path.endsWith(".") ? event.path + name : event.path;
    return `${full} = ${value}`;
  }
  return [event.path, shown + more].filter(Boolean).join("  ");
}
