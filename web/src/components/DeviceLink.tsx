// A device by the name that people know it by, wherever the server tells only its id.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { deviceQuery, namesQuery } from "../api/queries";
import { cx } from "./ui";

/** Ids are made in the order of time, so that only their ends tell neighbours apart. */
const SHORT = 8;

function useDeviceName(id: string): string | undefined {
  const names = useQuery(namesQuery).data;
  const listed = names?.byId.get(id);
  // One list names the whole of a small fleet; in a large one the rest is asked for one by one.
  const single = useQuery({ ...deviceQuery(id), staleTime: Infinity, retry: false, enabled: names !== undefined && names.more && listed === undefined }).data;
  return listed ?? single?.name;
}

export function DeviceLink({ id, className }: { id: string; className?: string }) {
  const name = useDeviceName(id);
  return <Link to="/devices/$id" params={{ id }} title={id} className={cx("hover:text-accent hover:underline", className)}>{name || `…${id.slice(-SHORT)}`}</Link>;
}
