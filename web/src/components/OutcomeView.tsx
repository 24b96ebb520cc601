// Every level of an operation's result: the whole message, each requested path, each parameter. Partial success is shown as such.
import { resultsOf, schemaResultsOf } from "../api/outcome";
import type { Fault, Job, JobState, OperationResult, Outcome, SchemaResult } from "../api/types";
import { Icon } from "./icons";
import { Badge, cx } from "./ui";

const TONES: Record<JobState, "ok" | "warn" | "bad" | "accent" | "neutral"> = {
  queued: "neutral", sent: "accent", accepted: "accent", done: "ok", partial: "warn", failed: "bad", expired: "bad", cancelled: "neutral", in_doubt: "warn",
};
const HINTS: Partial<Record<JobState, string>> = {
  queued: "Waits for the device to connect",
  sent: "The device has it; no answer yet",
  accepted: "The command runs on the device",
  partial: "Some of it worked",
  expired: "The device did not answer before the deadline",
  in_doubt: "Sent, but the answer was lost: it may or may not have happened",
};

export function JobStateBadge({ state }: { state: JobState }) {
  return <Badge tone={TONES[state]} title={HINTS[state]}>{state.replace("_", " ")}</Badge>;
}

export function JobResult({ job }: { job: Job }) {
  const hint = HINTS[job.state];
  return (
    <div className="space-y-2">
      {job.error && !job.outcome?.failed && <Line bad text={job.error.message} code={job.error.code} />}
      {job.outcome ? <OutcomeView outcome={job.outcome} /> : !job.error && hint && <p className="text-muted">{hint}.</p>}
    </div>
  );
}

export function OutcomeView({ outcome }: { outcome: Outcome }) {
  return (
    <div className="space-y-2">
      {outcome.failed && (
        <>
          <Line bad text={outcome.failed.message} code={outcome.failed.code} />
          {outcome.failed.params?.map((fault) => <Line key={fault.param} bad path={fault.param} text={fault.message} code={fault.code} />)}
        </>
      )}
      {resultsOf(outcome).map((result, index) => <Result key={index} result={result} />)}
      {schemaResultsOf(outcome).map((result) => <SchemaAnswer key={result.requested} result={result} />)}
    </div>
  );
}

function Result({ result }: { result: OperationResult }) {
  const title = result.requested ?? result.executed ?? "";
  const objects = [...(result.objects ?? []), ...(result.updated ?? [])].filter((object) => Object.keys(object.params).length > 0);
  return (
    <div className="space-y-1">
      {result.error && <Fail path={title} fault={result.error} />}
      {objects.map((object) => <Values key={object.path} path={object.path} values={object.params} />)}
      {result.updated?.flatMap((object) => (object.errors ?? []).map((fault) => <Fail key={object.path + fault.param} path={object.path + fault.param} fault={fault} />))}
      {result.failures?.flatMap((object) => (object.errors.length > 0 ? object.errors : [{ param: "", code: 0, message: "not updated" }]).map((fault) => <Fail key={object.path + fault.param} path={object.path + fault.param} fault={fault} />))}
      {result.instances?.map((instance) => <Values key={instance.path} path={instance.path} values={instance.unique_keys} />)}
      {result.created && (
        <>
          <Line path={result.created.path} text="created" />
          <Values path={result.created.path} values={result.created.unique_keys ?? {}} />
          {result.created.errors?.map((fault) => <Fail key={fault.param} path={result.created?.path + fault.param} fault={fault} />)}
        </>
      )}
      {result.affected?.map((path) => <Line key={path} path={path} text="deleted" />)}
      {result.unaffected?.map((fault) => <Fail key={fault.path} path={fault.path} fault={fault} />)}
      {result.output && (Object.keys(result.output).length > 0 ? <Values path={title} values={result.output} /> : <Line path={title} text="done, without output" />)}
      {!result.output && result.request && <Line path={title} text={`runs as ${result.request}`} />}
    </div>
  );
}

function SchemaAnswer({ result }: { result: SchemaResult }) {
  if (result.error) return <Fail path={result.requested} fault={result.error} />;
  return (
    <div>
      <p className="value text-faint">{result.requested} {result.model_uri}</p>
      <ul className="max-h-64 overflow-auto pl-3">
        {result.objects.map((object) => <li key={object.path} className="value py-px">{object.path} <span className="text-faint">{counted(object.params.length, "parameter")}, {counted(object.commands.length, "command")}, {counted(object.events.length, "event")}</span></li>)}
      </ul>
    </div>
  );
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

function Values({ path, values }: { path: string; values: Record<string, string> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return null;
  return (
    <div>
      <p className="value text-faint">{path}</p>
      <dl className="grid grid-cols-[max-content_1fr] gap-x-4 pl-3">
        {entries.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="value py-px text-muted">{name}</dt>
            <dd className="value py-px">{value === "" ? <span className="text-faint">empty</span> : value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

const Fail = ({ path, fault }: { path: string; fault: Fault }) => <Line bad path={path} text={fault.message} code={fault.code || undefined} />;

function Line({ bad, path, text, code }: { bad?: boolean; path?: string; text: string; code?: number | null | undefined }) {
  return (
    <p className={cx("flex items-start gap-1.5", bad && "text-bad")} data-fault={bad ? (code ?? "") : undefined}>
      <Icon name={bad ? "cross" : "check"} size={13} className={cx("mt-[3px] shrink-0", !bad && "text-ok")} />
      <span className="min-w-0 break-words">{path && <span className="value">{path} </span>}{text}{code != null && <span className="value"> ({code})</span>}</span>
    </p>
  );
}
