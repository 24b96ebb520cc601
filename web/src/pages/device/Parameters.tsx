// The device's whole model as a tree, with the chosen node beside it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { deleteRows, followJob, setValues } from "../../api/operations";
import { resultsOf } from "../../api/outcome";
import { keys, modelQuery } from "../../api/queries";
import type { Job } from "../../api/types";
import { SEARCH_PROPS } from "../../app/shortcuts";
import { copyText } from "../../components/copy";
import { Confirm } from "../../components/Dialog";
import { useNotices } from "../../components/toast";
import { ErrorNote, Loading } from "../../components/ui";
import { AddRowDialog, CommandDialog } from "../../tree/dialogs";
import { Inspector, type InspectorActions } from "../../tree/Inspector";
import { isBranch, type TreeAction } from "../../tree/keyboard";
import { faultsOf, setBody } from "../../tree/outcome";
import { ancestorsOf, parentOf } from "../../tree/paths";
import { visibleRows, type Row } from "../../tree/rows";
import { canAdd, canDelete, SchemaIndex } from "../../tree/schema";
import { StagedChanges } from "../../tree/StagedChanges";
import { TreeView } from "../../tree/TreeView";
import { useTwin } from "../../tree/useTwin";

const route = getRouteApi("/shell/devices/$id/parameters");
const ROOT = "Device.";
type DialogState = { kind: "add" | "remove" | "run"; path: string };

export function DeviceParameters() {
  const { id } = route.useParams();
  const { path: linked } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const model = useQuery(modelQuery(id));
  const schema = useMemo(() => new SchemaIndex(model.data), [model.data]);
  const { client, twin, version } = useTwin();
  const { fail } = useNotices();
  const [open, setOpen] = useState<ReadonlySet<string>>(() => new Set([ROOT, ...(linked ? ancestorsOf(linked) : [])]));
  const [active, setActive] = useState(linked ?? "");
  const [filter, setFilter] = useState("");
  const needle = useDeferredValue(filter);
  const [always, setAlways] = useState(false);
  const [staged, setStaged] = useState<ReadonlyMap<string, string>>(new Map());
  const [dialog, setDialog] = useState<DialogState>();
  const editor = useRef<HTMLDivElement>(null);

  // `version` stands for the twin, which changes in place.
  const rows = useMemo(() => visibleRows(schema, twin, { open, filter: needle }), [schema, twin, open, needle, version]);
  const row = rows.find((each) => each.path === active);

  const load = useCallback(async (path: string) => {
    const table = schema.isTable(path);
    if (!(await client.load(path, table))) return;
    const nothing = table ? twin.objects(path).size === 0 : twin.params(path).size === 0 && (schema.own(path)?.params?.length ?? 0) > 0;
    if (nothing) await client.refresh(path, table);
  }, [client, schema, twin]);

  // How many rows a chosen table has is known without opening it.
  const chosenTable = row?.kind === "table" ? row.path : undefined;
  useEffect(() => {
    if (!model.isPending && chosenTable) void client.load(chosenTable, true);
  }, [model.isPending, chosenTable, client]);

  // What is open is read, also what a link opened.
  useEffect(() => {
    if (!model.isPending) for (const path of open) void load(path);
  }, [model.isPending, open, load]);

  useEffect(() => {
    if (needle.trim() !== "") client.loadAll().catch((error: unknown) => fail("Could not read the stored values", error));
  }, [needle, client, fail]);

  useEffect(() => {
    const timer = setTimeout(() => active !== (linked ?? "") && void navigate({ search: { path: active || undefined }, replace: true }), 300);
    return () => clearTimeout(timer);
  }, [active, linked, navigate]);

  const setOpened = (paths: string[], opened: boolean) => setOpen((old) => {
    const next = new Set(old);
    for (const path of paths) if (opened) next.add(path); else next.delete(path);
    return next;
  });

  const reveal = (path: string) => {
    setFilter("");
    setOpened(ancestorsOf(path), true);
    setActive(path);
  };

  const read = (target: Row) => {
    const branch = isBranch(target);
    // One parameter is read with its object, so that the row's own state shows the progress and the fault.
    const path = branch ? target.path : parentOf(target.path);
    void client.refresh(path, branch && target.kind === "table");
  };

  const write = async (changes: [string, string][], allowPartial: boolean): Promise<Job> => {
    const job = await followJob(await setValues(id, setBody(changes, allowPartial)), () => {}, AbortSignal.timeout(60_000));
    twin.putOutcome(job.outcome, job.updated);
    void queries.invalidateQueries({ queryKey: keys.jobs });
    return job;
  };

  const settle = (job: Job) => {
    twin.putOutcome(job.outcome, job.updated);
    void queries.invalidateQueries({ queryKey: keys.jobs });
  };

  const remove = async (path: string) => {
    const job = await followJob(await deleteRows(id, { paths: [path] }), () => {}, AbortSignal.timeout(60_000));
    settle(job);
    const fault = [...faultsOf(job).values()][0];
    if (fault) throw new Error(`${fault.message}${fault.code ? ` (${fault.code})` : ""}`);
    setActive(parentOf(path));
  };

  const stage = (path: string, value: string | undefined) => setStaged((old) => {
    const next = new Map(old);
    if (value === undefined) next.delete(path);
    else next.set(path, value);
    return next;
  });

  const actions: InspectorActions = {
    read,
    stage,
    set: async (path, value) => {
      const job = await write([[path, value]], false);
      if (job.state === "done") stage(path, undefined);
      return job;
    },
    add: (path) => setDialog({ kind: "add", path }),
    remove: (path) => setDialog({ kind: "remove", path }),
    run: (path) => setDialog({ kind: "run", path }),
    reveal,
  };

  const onAction = (action: Exclude<TreeAction, { do: "move" }>) => {
    if (action.do === "openSiblings") return setOpened(action.paths, true);
    const target = rows.find((each) => each.path === action.path);
    switch (action.do) {
      case "open":
        if (always) void client.load(action.path, schema.isTable(action.path)).then(() => client.refresh(action.path, schema.isTable(action.path)));
        return setOpened([action.path], true);
      case "close": return setOpened([action.path], false);
      case "copy": return void copyText(action.path);
      case "read": return target && read(target);
      case "add": return canAdd(schema.object(action.path)) ? actions.add(action.path) : undefined;
      case "remove": return canDelete(schema.object(action.path)) ? actions.remove(action.path) : undefined;
      case "activate":
        if (target?.kind === "command") return actions.run(action.path);
        setActive(action.path);
        // The editor of a row chosen just now is there after the next paint.
        return void requestAnimationFrame(() => editor.current?.querySelector<HTMLElement>("input:checked, input:not([type=radio]), select, textarea")?.focus());
    }
  };

  if (model.isPending) return <Loading what="Reading the model" />;
  const dialogSchema = dialog && schema.object(dialog.path);
  return (
    <div className="flex flex-col lg:h-full lg:min-h-0">
      <div className="flex flex-wrap items-center gap-3 border-b px-4 py-2">
        <input {...SEARCH_PROPS} type="search" className="field !w-80" aria-label="Search parameters" placeholder="Search names and paths" value={filter} onChange={(event) => setFilter(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Escape") { setFilter(""); event.currentTarget.blur(); } }} />
        <span className="text-xs text-faint" role="status">{needle.trim() !== "" && `${rows.filter((each) => !isBranch(each)).length} found`}</span>
        <span className="flex-1" />
        <label className="flex items-center gap-1.5 text-muted"><input type="checkbox" checked={always} onChange={(event) => setAlways(event.target.checked)} />Ask the device on every opening</label>
      </div>
      {model.error && <ErrorNote error={new Error(`The supported model is not known yet, so only stored values are shown: ${model.error.message}`)} className="mx-4 mt-2" />}
      {twin.truncated() && <p role="note" className="mx-4 mt-2 rounded-md bg-warn-soft px-3 py-1.5 text-warn">This device has told more values than the server keeps. What is missing here can be read from the device.</p>}
      <div className="flex min-h-0 flex-1 max-lg:flex-col">
        <div className="h-[55vh] min-w-0 bg-surface lg:h-auto lg:flex-1"><TreeView rows={rows} twin={twin} active={active} staged={staged} onActive={setActive} onAction={onAction} /></div>
        <aside aria-label="Chosen node" className="border-line max-lg:border-t lg:w-[23rem] lg:overflow-auto lg:border-l"><Inspector row={row} staged={staged.get(active)} actions={actions} editorRef={editor} /></aside>
      </div>
      <StagedChanges staged={staged} secured={(path) => schema.param(path)?.secured ?? false} onUnstage={(paths) => setStaged((old) => new Map([...old].filter(([path]) => !paths.includes(path))))} onApply={(partial) => write([...staged], partial)} />
      {dialog?.kind === "add" && dialogSchema && <AddRowDialog device={id} table={dialog.path} schema={dialogSchema} onClose={() => setDialog(undefined)} onAdded={(job) => { settle(job); setOpened([dialog.path], true); const path = resultsOf(job.outcome)[0]?.created?.path; if (path) { setActive(path); void client.refresh(path, false); } }} />}
      {dialog?.kind === "run" && <CommandDialog device={id} command={dialog.path} schema={schema.command(dialog.path)} onClose={() => setDialog(undefined)} onDone={settle} />}
      <Confirm open={dialog?.kind === "remove"} onClose={() => setDialog(undefined)} title="Delete this row?" action="Delete row" onConfirm={() => remove(dialog?.path ?? "")}>
        The device removes <span className="value text-ink">{dialog?.path}</span> with everything in it.
      </Confirm>
    </div>
  );
}
