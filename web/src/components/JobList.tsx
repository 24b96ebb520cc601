// Jobs as a table whose rows open to the request and every level of the result.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { cancelJob } from "../api/operations";
import { jobsQuery, keys } from "../api/queries";
import type { Job, JobState } from "../api/types";
import { columnsOf, DataTable, LoadMore } from "./DataTable";
import { DeviceLink } from "./DeviceLink";
import { Icon } from "./icons";
import { JobResult, JobStateBadge } from "./OutcomeView";
import { useNotices } from "./toast";
import { Ago } from "./time";
import { Button, cx, Empty, ErrorNote, Loading } from "./ui";

/** What a job is about, in one line, from whichever request it carries. */
export function jobTarget(job: Job): string {
  const request = (job.request ?? {}) as { paths?: string[]; objects?: { path: string; params?: { param: string; value: string }[] }[]; command?: string };
  if (request.command) return request.command;
  if (request.objects) {
    return request.objects.map((object) => {
      const params = (object.params ?? []).map(({ param, value }) => `${param}=${value}`).join(" ");
      return params ? `${object.path} ${params}` : object.path;
    }).join("; ");
  }
  return (request.paths ?? []).join(", ");
}

/** `user:alice` is `alice`; `token:ci` is `token ci`. */
const actorName = (actor: string): string => actor.replace(/^user:/, "").replace(":", " ");

const column = columnsOf<Job>();

export function JobList({ device, state }: { device?: string; state: JobState | "" }) {
  const query = useInfiniteQuery(jobsQuery({ device, state }));
  const client = useQueryClient();
  const { fail } = useNotices();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);

  const columns = useMemo(() => {
    const toggle = (id: string) => setOpen((old) => {
      const next = new Set(old);
      if (!next.delete(id)) next.add(id);
      return next;
    });
    const cancel = async (id: string) => {
      try {
        await cancelJob(id);
        await client.invalidateQueries({ queryKey: keys.jobs });
      } catch (error) {
        fail("Could not cancel the job", error);
      }
    };
    return column.columns([
      column.display({
        id: "kind",
        header: "Job",
        cell: ({ row: { original: job } }) => (
          <button type="button" aria-expanded={open.has(job.id)} onClick={() => toggle(job.id)} className="flex items-center gap-1.5 font-medium hover:text-accent">
            <Icon name="chevron" size={12} className={cx("text-faint transition-transform", open.has(job.id) && "rotate-90")} />{job.kind}
          </button>
        ),
      }),
      column.display({ id: "state", header: "State", cell: ({ row: { original: job } }) => <span className="flex items-center gap-2"><JobStateBadge state={job.state} />{job.state === "queued" && <Button small onClick={() => void cancel(job.id)}>Cancel</Button>}</span> }),
      column.display({ id: "target", header: "What", cell: ({ row }) => <div className="value line-clamp-2 max-w-xl min-w-48" title={jobTarget(row.original)}>{jobTarget(row.original)}</div> }),
      ...(device ? [] : [column.display({ id: "device", header: "Device", cell: ({ row }) => <DeviceLink id={row.original.device} className="value line-clamp-2 min-w-24" /> })]),
      column.display({ id: "actor", header: "By", cell: ({ row }) => <span className="text-muted">{actorName(row.original.actor)}</span> }),
      column.display({ id: "created", header: "Created", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.created} /></span> }),
      column.display({ id: "updated", header: "Changed", cell: ({ row }) => <span className="text-muted"><Ago at={row.original.updated} /></span> }),
    ]);
  }, [open, device, client, fail]);

  if (query.error) return <ErrorNote error={query.error} retry={() => void query.refetch()} />;
  return (
    <div className="panel overflow-x-auto">
      {query.isPending ? <Loading /> : rows.length === 0 ? <Empty title={state ? `No ${state.replace("_", " ")} jobs` : "No jobs yet"}>Every read, write and command is a job, also those from the command line and the API.</Empty> : (
        <DataTable label="Jobs" columns={columns} rows={rows} rowId={(job) => job.id} detail={(job) => open.has(job.id) && <JobDetail job={job} />} />
      )}
      <LoadMore query={query} />
    </div>
  );
}

function JobDetail({ job }: { job: Job }) {
  return (
    <div className="grid gap-x-6 gap-y-3 py-2 lg:grid-cols-2">
      <div className="min-w-0">
        <p className="eyebrow mb-1">Result</p>
        <JobResult job={job} />
      </div>
      <div className="min-w-0">
        <p className="eyebrow mb-1">Request <span className="value tracking-normal normal-case">{job.id}</span></p>
        <pre className="value max-h-64 overflow-auto whitespace-pre-wrap">{JSON.stringify(job.request, null, 2)}</pre>
        {job.deadline && <p className="mt-1 text-xs text-faint">Deadline <Ago at={job.deadline} /></p>}
      </div>
    </div>
  );
}

const STATES: JobState[] = ["queued", "sent", "accepted", "done", "partial", "failed", "expired", "cancelled", "in_doubt"];

export function StateFilter({ value, onChange }: { value: JobState | ""; onChange: (state: JobState | "") => void }) {
  return (
    <label className="flex items-center gap-2 text-muted">State
      <select className="field !w-auto" value={value} onChange={(event) => onChange(event.target.value as JobState | "")}>
        <option value="">all</option>
        {STATES.map((state) => <option key={state} value={state}>{state.replace("_", " ")}</option>)}
      </select>
    </label>
  );
}
