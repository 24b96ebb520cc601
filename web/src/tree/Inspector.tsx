// What is known about the chosen node, and what can be done with it.
import { useEffect, useState, type ReactNode, type RefObject } from "react";
import type { Job, ModelArg } from "../api/types";
import { CopyIcon } from "../components/copy";
import { Ago } from "../components/time";
import { Badge, Button, cx, Kbd } from "../components/ui";
import { describe } from "./describe";
import { isBranch } from "./keyboard";
import { faultFor, faultsOf, refusalOf } from "./outcome";
import { parentOf } from "./paths";
import type { Row } from "./rows";
import { canAdd, canDelete } from "./schema";
import { describeRange, describeSpec, problemWith } from "./validate";
import { ValueEditor } from "./ValueEditor";

export interface InspectorActions {
  read: (row: Row) => void;
  stage: (path: string, value: string | undefined) => void;
  set: (path: string, value: string) => Promise<Job>;
  add: (table: string) => void;
  remove: (row: string) => void;
  run: (command: string) => void;
  reveal: (path: string) => void;
}

interface InspectorProps { row: Row | undefined; staged: string | undefined; actions: InspectorActions; editorRef: RefObject<HTMLDivElement | null> }

export function Inspector({ row, staged, actions, editorRef }: InspectorProps) {
  if (!row || row.kind === "note") return <Help />;
  const description = describe(row.schema);
  const reading = isBranch(row) && row.read?.state === "reading";
  return (
    <div className="space-y-4 p-4">
      <div>
        <p className="eyebrow">{KIND[row.kind]}</p>
        <div className="flex items-start gap-1"><h2 className="value min-w-0 flex-1 text-[0.82rem] leading-snug font-semibold">{row.path}</h2><span className="-my-1"><CopyIcon text={row.path} label="Copy path" /></span></div>
      </div>
      {description && <Description key={`${row.path} is`} text={description} />}
      {row.kind === "param" && <Parameter key={row.path} row={row} staged={staged} actions={actions} editorRef={editorRef} />}
      {isBranch(row) && <Branch row={row} actions={actions} />}
      {row.kind === "command" && (
        <>
          <Facts facts={[["Runs", row.schema.async ? "in the background" : "at once"]]} />
          <Args title="Input" args={row.schema.inputs} />
          <Args title="Output" args={row.schema.outputs} />
          <Button variant="primary" icon="play" onClick={() => actions.run(row.path)}>Run…</Button>
        </>
      )}
      {row.kind === "event" && <Args title="Arguments" args={row.schema.args} />}
      {(row.kind === "param" || isBranch(row)) && (
        <div className="flex items-center gap-2 border-t pt-3"><Button small icon="refresh" busy={reading} onClick={() => actions.read(row)}>Read from the device</Button><Kbd>r</Kbd></div>
      )}
    </div>
  );
}

/** Longer ones open at a touch: what can be done with the node must stay in sight. */
const LONG_DESCRIPTION = 240;

function Description({ text }: { text: string }) {
  const [open, setOpen] = useState(false);
  const long = text.length > LONG_DESCRIPTION;
  return (
    <div className="text-muted">
      <p className={cx("whitespace-pre-line", long && !open && "line-clamp-4")}>{text}</p>
      {long && <button type="button" aria-expanded={open} className="mt-0.5 text-xs font-medium text-accent hover:underline" onClick={() => setOpen(!open)}>{open ? "Less" : "More"}</button>}
    </div>
  );
}

const KIND = { object: "Object", table: "Table", row: "Row", param: "Parameter", command: "Command", event: "Event" } as const;

function Parameter({ row, staged, actions, editorRef }: { row: Extract<Row, { kind: "param" }>; staged: string | undefined; actions: InspectorActions; editorRef: RefObject<HTMLDivElement | null> }) {
  const { schema, known } = row;
  const secured = schema?.secured ?? false;
  const current = staged ?? (secured ? "" : known?.value ?? "");
  const [draft, setDraft] = useState(current);
  const [touched, setTouched] = useState(false);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<{ ok: boolean; text: string; code?: number }>();
  const writable = known?.writable ?? (schema !== undefined && schema.access !== "readOnly");
  const spec = schema ?? { type: known?.type };
  const problem = touched || draft !== current ? problemWith(spec, draft) : undefined;
  const changed = draft !== (known?.value ?? "") || secured;

  // The device's value moves under an untouched editor, never under one that is being used.
  useEffect(() => {
    if (!touched) setDraft(current);
  }, [current, touched]);

  const send = async () => {
    if (problemWith(spec, draft) || busy) return setTouched(true);
    setBusy(true);
    setResult(undefined);
    try {
      const job = await actions.set(row.path, draft);
      const fault = faultFor(faultsOf(job), row.path);
      if (fault) setResult({ ok: false, text: fault.message, code: fault.code || undefined });
      else {
        setResult({ ok: job.state === "done" || job.state === "partial", text: job.state === "queued" ? "Waits for the device to connect" : job.state === "done" ? "Set" : `The write is ${job.state.replace("_", " ")}` });
        setTouched(false);
      }
    } catch (error) {
      const fault = refusalOf(error, row.path);
      setResult({ ok: false, text: fault.message, code: fault.code || undefined });
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      {!secured && !writable && <div className="value max-h-48 overflow-auto rounded-md border bg-canvas px-2.5 py-1.5 whitespace-pre-wrap">{known ? known.value || <span className="text-faint">empty</span> : <span className="text-faint">not read yet</span>}</div>}
      {writable && (
        <div ref={editorRef}>
          <ValueEditor spec={spec} label={`Value of ${row.name}`} value={draft} invalid={problem !== undefined} disabled={busy} onSubmit={() => void send()} onChange={(value) => { setDraft(value); setTouched(true); setResult(undefined); }} />
          <p className={cx("mt-1 min-h-4 text-xs", problem ? "text-bad" : "text-faint")} role={problem ? "alert" : undefined}>{problem ?? describeSpec(spec)}</p>
          <div className="mt-1.5 flex flex-wrap items-center gap-2">
            <Button variant="primary" busy={busy} disabled={!changed || problem !== undefined} onClick={() => void send()}>Set</Button>
            <Button disabled={!changed || problem !== undefined || busy} onClick={() => { actions.stage(row.path, draft); setTouched(false); }} title="Collects changes, to be sent together">Add to changes</Button>
            {(touched || staged !== undefined) && <Button variant="quiet" onClick={() => { setDraft(known?.value ?? ""); setTouched(false); setResult(undefined); actions.stage(row.path, undefined); }}>Undo</Button>}
          </div>
          {result && <p role="status" className={cx("mt-2", result.ok ? "text-ok" : "text-bad")}>{result.text}{result.code !== undefined && <span className="value"> ({result.code})</span>}</p>}
        </div>
      )}
      <Facts facts={[
        ["Type", `${schema?.list ? "list of " : ""}${schema?.type ?? known?.type ?? "not known"}`],
        ["Units", schema?.units],
        ["Range", schema && describeRange(schema)],
        ["Length", schema?.max_length != null ? `at most ${schema.max_length}` : undefined],
        ["Values", schema?.enum?.length ? schema.enum.join(", ") : undefined],
        ["Access", writable ? (schema?.access === "writeOnceReadOnly" ? "writable once" : "writable") : "read-only"],
        ["As of", known && <><Ago at={known.at} />{known.source && <span className="text-faint"> · {known.source}</span>}</>],
        ["Secured", secured ? "never told by the device" : undefined],
      ]} />
    </>
  );
}

function Branch({ row, actions }: { row: Extract<Row, { kind: "object" | "table" | "row" }>; actions: InspectorActions }) {
  const { schema } = row;
  const commands = row.kind === "table" ? [] : schema?.commands ?? [];
  return (
    <>
      <Facts facts={[
        ["Rows", row.kind === "table" ? (row.read || row.count > 0 ? String(row.count) : "not read yet") : undefined],
        ["Unique by", row.kind !== "object" && schema?.unique_keys?.length ? schema.unique_keys.map((key) => key.join(" + ")).join(", or ") : undefined],
        ["Access", row.kind === "object" ? undefined : canAdd(schema) && canDelete(schema) ? "rows can be added and deleted" : canAdd(schema) ? "rows can be added" : canDelete(schema) ? "rows can be deleted" : "rows are the device's own"],
      ]} />
      <div className="flex flex-wrap gap-2">
        {row.kind === "table" && canAdd(schema) && <Button icon="plus" onClick={() => actions.add(row.path)}>Add row…</Button>}
        {row.kind === "row" && canDelete(schema) && <Button variant="danger" icon="trash" onClick={() => actions.remove(row.path)}>Delete row…</Button>}
        {row.kind === "row" && <Button variant="quiet" onClick={() => actions.reveal(parentOf(row.path))}>Go to the table</Button>}
      </div>
      {commands.length > 0 && (
        <div>
          <p className="eyebrow mb-1">Commands</p>
          <ul>{commands.map((command) => <li key={command.name} className="flex items-center justify-between py-0.5"><span className="value">{command.name}</span><Button small icon="play" onClick={() => actions.run(row.path + command.name)}>Run…</Button></li>)}</ul>
        </div>
      )}
    </>
  );
}

function Facts({ facts }: { facts: [string, ReactNode][] }) {
  const known = facts.filter(([, value]) => value !== undefined && value !== "" && value !== false);
  if (known.length === 0) return null;
  return (
    <dl className="grid grid-cols-[4.5rem_minmax(0,1fr)] gap-y-0.5">
      {known.map(([name, value]) => <div key={name} className="contents"><dt className="text-muted">{name}</dt><dd className="min-w-0 break-words">{value}</dd></div>)}
    </dl>
  );
}

function Args({ title, args }: { title: string; args: ModelArg[] | undefined }) {
  if (!args?.length) return null;
  return (
    <div>
      <p className="eyebrow mb-1">{title}</p>
      <ul>{args.map(({ name, type, mandatory }) => <li key={name} className="flex items-center gap-2 py-px"><span className="value">{name}</span><span className="text-xs text-faint">{type}</span>{mandatory && <Badge tone="accent">required</Badge>}</li>)}</ul>
    </div>
  );
}

const KEYS: [string, string][] = [["↑ ↓", "move"], ["→ ←", "open, close"], ["Enter", "edit, run"], ["r", "read from the device"], ["a", "add a row"], ["Del", "delete the row"], ["*", "open all beside"], ["Shift A–Z", "jump to a name"], ["/", "search"]];

function Help() {
  return (
    <div className="p-4 text-muted">
      <p className="mb-3">Choose a node to see what it is and what can be done with it.</p>
      <dl className="grid grid-cols-[5.5rem_1fr] gap-y-1">{KEYS.map(([key, what]) => <div key={key} className="contents"><dt><Kbd>{key}</Kbd></dt><dd>{what}</dd></div>)}</dl>
    </div>
  );
}
