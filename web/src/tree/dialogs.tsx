// Forms made from the schema: a fresh row of a table, and a command with its arguments.
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { ApiError } from "../api/client";
import { addRow, followJob, runCommand } from "../api/operations";
import { resultsOf } from "../api/outcome";
import type { Fault, Job, ModelArg, ModelCommand, ModelObject, ModelParam } from "../api/types";
import { Modal } from "../components/Dialog";
import { JobResult, JobStateBadge } from "../components/OutcomeView";
import { Badge, Button, cx, ErrorNote } from "../components/ui";
import { describe } from "./describe";
import { faultFor, faultsOf } from "./outcome";
import { rowFields } from "./schema";
import { describeSpec, problemWith } from "./validate";
import { ValueEditor } from "./ValueEditor";

/** Sends an operation and follows its job for as long as the dialog is open. */
function useJob(onSettled: (job: Job) => void) {
  const [job, setJob] = useState<Job>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const start = async (send: () => Promise<Job>) => {
    setBusy(true);
    setError(undefined);
    setJob(undefined);
    stop.current = new AbortController();
    try {
      onSettled(await followJob(await send(), setJob, stop.current.signal));
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return { job, busy, error, start };
}

interface AddRowProps { device: string; table: string; schema: ModelObject; onClose: () => void; onAdded: (job: Job) => void }

export function AddRowDialog({ device, table, schema, onClose, onAdded }: AddRowProps) {
  const [values, setValues] = useState<Record<string, string>>({});
  const { job, busy, error, start } = useJob(onAdded);
  const fields = rowFields(schema);
  const keys = new Set((schema.unique_keys ?? []).flat());
  const given = Object.entries(values).filter(([, value]) => value !== "");
  const wrong = given.some(([name, value]) => problemWith(fields.find((field) => field.name === name) ?? {}, value) !== undefined);
  const faults = job ? faultsOf(job) : refusedParams(error);
  const created = resultsOf(job?.outcome)[0]?.created;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wrong) return;
    void start(() => addRow(device, { objects: [{ path: table, params: given.map(([param, value]) => ({ param, value, required: true })) }], allow_partial: false }));
  };

  return (
    <Modal open onClose={onClose} wide title="Add a row" detail={<span className="value">{table}</span>}>
      <form onSubmit={submit}>
        {fields.length === 0 && <p className="mb-3 text-muted">The row has no parameters that can be given now.</p>}
        {!created && fields.map((field) => (
          <FormRow key={field.name} spec={field} mark={keys.has(field.name) ? <Badge tone="accent">unique key</Badge> : undefined} value={values[field.name] ?? ""} fault={faults.get(field.name) ?? pickFault(faults, field.name)} onChange={(value) => setValues({ ...values, [field.name]: value })} />
        ))}
        <Footer job={job} error={error}>
          <Button onClick={onClose}>{created ? "Close" : "Cancel"}</Button>
          {!created && <Button type="submit" variant="primary" busy={busy} disabled={wrong}>Add row</Button>}
        </Footer>
      </form>
    </Modal>
  );
}

/** What the server refused before the device saw it. */
function refusedParams(error: unknown): Map<string, Fault> {
  return new Map(error instanceof ApiError ? error.params.map(({ param, code, message }) => [param, { code, message }]) : []);
}

/** A refused row has no path yet, so its faults are found by the parameter's last segment. */
function pickFault(faults: ReadonlyMap<string, Fault>, name: string): Fault | undefined {
  for (const [path, fault] of faults) if (path.endsWith(`.${name}`)) return fault;
  return undefined;
}

interface CommandProps { device: string; command: string; schema: ModelCommand | undefined; onClose: () => void; onDone: (job: Job) => void }

export function CommandDialog({ device, command, schema, onClose, onDone }: CommandProps) {
  const [values, setValues] = useState<Record<string, string>>({});
  const { job, busy, error, start } = useJob(onDone);
  const inputs = schema?.inputs ?? [];
  const given = Object.entries(values).filter(([, value]) => value !== "");
  const missing = inputs.filter((input) => input.mandatory && !values[input.name]);
  const wrong = given.some(([name, value]) => problemWith(inputs.find((input) => input.name === name) ?? {}, value) !== undefined);
  const faults = job ? faultsOf(job) : new Map<string, Fault>();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (wrong || missing.length > 0) return;
    void start(() => runCommand(device, { command, args: Object.fromEntries(given) }));
  };

  return (
    <Modal open onClose={onClose} wide title={`Run ${command.slice(command.lastIndexOf(".") + 1)}`} detail={<span className="value">{command}</span>}>
      <form onSubmit={submit}>
        {inputs.length === 0 && <p className="mb-3 text-muted">This command takes no input.</p>}
        {inputs.map((input) => (
          <FormRow key={input.name} spec={input} mark={input.mandatory ? <Badge tone="accent">required</Badge> : undefined} value={values[input.name] ?? ""} fault={faults.size > 0 ? faultFor(withoutWhole(faults), input.name) : undefined} onChange={(value) => setValues({ ...values, [input.name]: value })} disabled={busy} />
        ))}
        <Footer job={job} error={error}>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" variant="primary" icon="play" busy={busy} disabled={wrong || missing.length > 0}>{job && !busy ? "Run again" : "Run"}</Button>
        </Footer>
      </form>
    </Modal>
  );
}

const withoutWhole = (faults: ReadonlyMap<string, Fault>): ReadonlyMap<string, Fault> => new Map([...faults].filter(([path]) => path !== ""));

interface FormRowProps { spec: ModelParam | ModelArg; mark: ReactNode; value: string; fault: Fault | undefined; onChange: (value: string) => void; disabled?: boolean }

function FormRow({ spec, mark, value, fault, onChange, disabled }: FormRowProps) {
  const problem = value === "" ? undefined : problemWith(spec, value);
  const description = describe(spec);
  const bad = problem ?? (fault && `${fault.message}${fault.code ? ` (${fault.code})` : ""}`);
  return (
    <div className="grid grid-cols-[minmax(0,11rem)_minmax(0,1fr)] gap-x-4 py-1">
      <span className="flex flex-wrap content-start items-baseline gap-x-2 pt-1"><span className="value break-all">{spec.name}</span>{mark}</span>
      <div>
        <ValueEditor spec={spec} label={spec.name} value={value} optional invalid={bad !== undefined} disabled={disabled} onChange={onChange} />
        <p className={cx("mt-0.5 min-h-4 text-xs", bad ? "text-bad" : "text-faint")}>{bad ?? describeSpec(spec)}</p>
        {description && <p className="mt-0.5 line-clamp-2 text-xs text-muted" title={description}>{description}</p>}
      </div>
    </div>
  );
}

function Footer({ job, error, children }: { job: Job | undefined; error: unknown; children: ReactNode }) {
  return (
    <>
      {error !== undefined && <ErrorNote error={error} className="mt-3" />}
      {job && (
        <div role="status" className="mt-3 rounded-md border bg-canvas px-3 py-2">
          <div className="mb-1"><JobStateBadge state={job.state} /></div>
          <JobResult job={job} />
        </div>
      )}
      <div className="mt-4 flex justify-end gap-2">{children}</div>
    </>
  );
}
