// Head of a device's pages: who it is, whether it is there, and the ways into it.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, Outlet, useNavigate } from "@tanstack/react-router";
import { useState, type FormEvent, type ReactNode } from "react";
import { api, unwrap } from "../../api/client";
import { deviceQuery, keys } from "../../api/queries";
import type { Device } from "../../api/types";
import { Confirm, Modal } from "../../components/Dialog";
import { Ago } from "../../components/time";
import { useTitle } from "../../app/title";
import { Badge, Button, ErrorNote, Field, Loading, Presence, Unproven } from "../../components/ui";
import { TwinProvider } from "../../tree/useTwin";
import { deviceTitle } from "../Devices";

const route = getRouteApi("/shell/devices/$id");

export function DeviceLayout() {
  const { id } = route.useParams();
  const query = useQuery(deviceQuery(id));
  if (query.isPending) return <Loading />;
  if (!query.data) return <div className="mx-auto max-w-lg p-10"><ErrorNote error={query.error} retry={() => void query.refetch()} /></div>;
  return (
    <TwinProvider key={id} device={id}>
      <div className="flex flex-col lg:h-full">
        <Head device={query.data} />
        <div className="min-h-0 flex-1 lg:overflow-auto"><Outlet /></div>
      </div>
    </TwinProvider>
  );
}

function Head({ device }: { device: Device }) {
  const [dialog, setDialog] = useState<"edit" | "remove">();
  const navigate = useNavigate();
  const client = useQueryClient();
  const remove = async () => {
    await unwrap(api.DELETE("/devices/{id}", { params: { path: { id: device.id } } }));
    await client.invalidateQueries({ queryKey: keys.devices });
    await navigate({ to: "/devices" });
  };
  const endpoint = device.endpoints.find((each) => each !== device.name);
  const summary = [[device.manufacturer, device.model].filter(Boolean).join(" "), device.software && `software ${device.software}`, endpoint].filter(Boolean);
  useTitle(deviceTitle(device));
  return (
    <header className="border-b bg-surface px-4 pt-4 md:px-6">
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <div className="min-w-[min(18rem,100%)] flex-1">
          <nav aria-label="Breadcrumb" className="text-xs text-faint"><Link to="/devices" className="hover:text-ink hover:underline">Devices</Link> /</nav>
          <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <h1 className="text-xl leading-tight font-semibold tracking-[-0.01em] break-words">{deviceTitle(device)}</h1>
            <Presence online={device.online} />
            {device.proven ? <Badge tone="ok" title="Its certificate proves that it is this device">proven</Badge> : <Unproven />}
            {!device.onboarded && <Badge tone="accent">onboarding</Badge>}
            {device.tags.map((tag) => <Badge key={tag}>{tag}</Badge>)}
          </div>
          <p className="mt-0.5 text-muted">{summary.join(" · ")}{!device.online && <>{summary.length > 0 && " · "}last seen <Ago at={device.last_seen} /></>}</p>
        </div>
        <div className="flex gap-2 md:pt-3">
          <Button icon="pencil" onClick={() => setDialog("edit")}>Name and tags</Button>
          <Button variant="danger" icon="trash" onClick={() => setDialog("remove")}>Remove</Button>
        </div>
      </div>
      <nav aria-label="Device" className="mt-3 -mb-px flex gap-5 overflow-x-auto">
        <Tab to="/devices/$id" id={device.id} exact>Overview</Tab>
        <Tab to="/devices/$id/parameters" id={device.id}>Parameters</Tab>
        <Tab to="/devices/$id/jobs" id={device.id}>Jobs</Tab>
        <Tab to="/devices/$id/events" id={device.id}>Events</Tab>
        <Tab to="/devices/$id/trace" id={device.id}>Trace</Tab>
      </nav>
      {dialog === "edit" && <EditDialog device={device} onClose={() => setDialog(undefined)} />}
      <Confirm open={dialog === "remove"} onClose={() => setDialog(undefined)} title={`Remove ${deviceTitle(device)}?`} action="Remove device" onConfirm={remove}>
        Its record, history and jobs are deleted. If it connects again it is unknown and must be approved.
      </Confirm>
    </header>
  );
}

type TabTarget = "/devices/$id" | "/devices/$id/parameters" | "/devices/$id/jobs" | "/devices/$id/events" | "/devices/$id/trace";

function Tab({ to, id, exact, children }: { to: TabTarget; id: string; exact?: boolean; children: ReactNode }) {
  return (
    <Link to={to} params={{ id }} activeOptions={{ exact: exact ?? false, includeSearch: false }} className="border-b-2 border-transparent px-0.5 py-1.5 text-muted hover:text-ink" activeProps={{ className: "!border-accent !text-ink font-semibold" }}>
      {children}
    </Link>
  );
}

function EditDialog({ device, onClose }: { device: Device; onClose: () => void }) {
  const client = useQueryClient();
  const [name, setName] = useState(device.name ?? "");
  const [tags, setTags] = useState(device.tags.join(", "));
  const [error, setError] = useState<unknown>();
  const save = async (event: FormEvent) => {
    event.preventDefault();
    try {
      const list = [...new Set(tags.split(",").map((tag) => tag.trim()).filter(Boolean))];
      const changed = await unwrap(api.PATCH("/devices/{id}", { params: { path: { id: device.id } }, body: { name: name.trim(), tags: list } }));
      client.setQueryData(keys.device(device.id), changed);
      void client.invalidateQueries({ queryKey: keys.names });
      await client.invalidateQueries({ queryKey: keys.devices });
      onClose();
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Modal open onClose={onClose} title="Name and tags">
      <form onSubmit={(event) => void save(event)}>
        {error !== undefined && <ErrorNote error={error} className="mb-3" />}
        <Field label="Name" value={name} onChange={(event) => setName(event.target.value)} hint="Shown in place of the endpoint" />
        <Field label="Tags" value={tags} onChange={(event) => setTags(event.target.value)} hint="Separated by commas" />
        <div className="mt-2 flex justify-end gap-2"><Button onClick={onClose}>Cancel</Button><Button type="submit" variant="primary">Save</Button></div>
      </form>
    </Modal>
  );
}
