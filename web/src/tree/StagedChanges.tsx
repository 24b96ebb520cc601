// Changes collected in the tree, sent as one Set: all or nothing, or as much as works. Shows the result per parameter.
import { useState } from "react";
import { resultsOf } from "../api/outcome";
import type { Job } from "../api/types";
import { JobStateBadge } from "../components/OutcomeView";
import { Button, cx, ErrorNote, IconButton } from "../components/ui";
import { faultsOf } from "./outcome";

interface StagedProps {
  staged: ReadonlyMap<string, string>;
  secured: (path: string) => boolean;
  onUnstage: (paths: string[]) => void;
  onApply: (allowPartial: boolean) => Promise<Job>;
}

export function StagedChanges({ staged, secured, onUnstage, onApply }: StagedProps) {
  const [partial, setPartial] = useState(false);
  const [busy, setBusy] = useState(false);
  const [job, setJob] = useState<Job>();
  const [error, setError] = useState<unknown>();
  const [sent, setSent] = useState<ReadonlyMap<string, string>>(new Map());
  if (staged.size === 0 && !job) return null;

  const faults = job ? faultsOf(job) : undefined;
  const written = new Set(resultsOf(job?.outcome).flatMap((result) => result.updated ?? []).flatMap((object) => Object.keys(object.params).map((name) => object.path + name)));

  const apply = async () => {
    setBusy(true);
    setError(undefined);
    setSent(staged);
    try {
      const done = await onApply(partial);
      const failed = faultsOf(done);
      setJob(done);
      if (done.state === "done" || done.state === "partial") onUnstage([...staged.keys()].filter((path) => !failed.has(path)));
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };

  const whole = faults?.get("");
  const lines = job && staged.size === 0 ? sent : new Map([...(job ? sent : []), ...staged]);
  return (
    <section aria-label="Collected changes" className="border-t border-line-strong bg-surface">
      <div className="flex flex-wrap items-center gap-3 px-4 py-2">
        <h2 className="font-semibold">{staged.size > 0 ? `${staged.size} ${staged.size === 1 ? "change" : "changes"} to send` : "Sent"}</h2>
        {job && <JobStateBadge state={job.state} />}
        <span className="flex-1" />
        {staged.size > 0 && <label className="flex items-center gap-1.5 text-muted"><input type="checkbox" checked={partial} onChange={(event) => setPartial(event.target.checked)} />Keep what works if some fails</label>}
        {staged.size > 0 && <Button variant="quiet" onClick={() => { onUnstage([...staged.keys()]); setJob(undefined); }}>Discard</Button>}
        {staged.size > 0 ? <Button variant="primary" busy={busy} onClick={() => void apply()}>Send</Button> : <Button onClick={() => setJob(undefined)}>Close</Button>}
      </div>
      {error !== undefined && <ErrorNote error={error} className="mx-4 mb-2" />}
      {whole && <p role="alert" className="px-4 pb-1 text-bad">{whole.message}{whole.code ? <span className="value"> ({whole.code})</span> : null}; nothing was changed</p>}
      <ul className="max-h-40 overflow-auto px-4 pb-2">
        {[...lines].map(([path, value]) => {
          const fault = faults?.get(path) ?? faults?.get(path.slice(0, path.lastIndexOf(".") + 1));
          return (
            <li key={path} className="grid grid-cols-[minmax(0,1fr)_minmax(0,1fr)_auto] items-center gap-3 py-px">
              <span className="value truncate" title={path}>{path}</span>
              <span className={cx("value truncate", fault ? "text-bad" : written.has(path) ? "text-ok" : "")}>
                {secured(path) ? "••••" : value || "empty"}{fault ? ` — ${fault.message}${fault.code ? ` (${fault.code})` : ""}` : written.has(path) ? " — set" : ""}
              </span>
              {staged.has(path) ? <IconButton icon="cross" label={`Drop ${path}`} className="!size-5" onClick={() => onUnstage([path])} /> : <span className="size-5" />}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
