// The other way round: the server dials a device that listens, and knows it by the endpoint that one has been told.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, ApiError, unwrap } from "../api/client";
import { stopDialling } from "../api/operations";
import { deviceQuery, dialledQuery, keys } from "../api/queries";
import { DeviceLink } from "../components/DeviceLink";
import { Confirm } from "../components/Dialog";
import { useNotices } from "../components/toast";
import { Button, ErrorNote, Field, IconButton, Presence } from "../components/ui";

const URL_FORM = /^wss?:\/\/\S+$/;

export function DialDevice() {
  const [endpoint, setEndpoint] = useState("");
  const [connect, setConnect] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [added, setAdded] = useState<string[]>([]);
  const client = useQueryClient();
  const { say } = useNotices();
  const wrongUrl = connect !== "" && !URL_FORM.test(connect.trim()) ? "Begins with ws:// or wss://" : undefined;

  const add = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const device = await unwrap(api.POST("/devices", { body: { endpoint: endpoint.trim(), connect: connect.trim() } }));
      setAdded((old) => [...old.filter((id) => id !== device.id), device.id]);
      say(`Dialling ${endpoint.trim()}`);
      setEndpoint("");
      setConnect("");
      await Promise.all([keys.devices, keys.names, keys.dialled].map((queryKey) => client.invalidateQueries({ queryKey })));
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };

  return (
    <section className="mt-10">
      <h2 className="eyebrow mb-2">Or let the server dial the device</h2>
      <p className="mb-3 text-muted">For a device that listens for its controller. The server calls it, and calls again whenever the connection is lost. Naming it here is its approval.</p>
      <form onSubmit={(event) => void add(event)} className="grid max-w-3xl gap-x-3 sm:grid-cols-[minmax(0,1fr)_minmax(0,1.2fr)_auto]">
        <Field label="Endpoint of the device" placeholder="os::00AA11-0041" required spellCheck={false} autoComplete="off" value={endpoint} onChange={(event) => setEndpoint(event.target.value)} />
        <Field label="URL where it listens" placeholder="wss://192.0.2.7:5684/usp" required spellCheck={false} autoComplete="off" value={connect} problem={wrongUrl} onChange={(event) => setConnect(event.target.value)} />
        <div className="sm:pt-[1.35rem]"><Button type="submit" variant="primary" icon="connect" busy={busy} disabled={endpoint.trim() === "" || connect.trim() === "" || wrongUrl !== undefined}>Dial</Button></div>
      </form>
      {error !== undefined && <ErrorNote error={error} className="mb-3 max-w-3xl" />}
      <Dialled added={added} onStopped={(id) => setAdded((old) => old.filter((each) => each !== id))} />
    </section>
  );
}

/** Those that the server says it dials, and those added on this visit. */
function Dialled({ added, onStopped }: { added: string[]; onStopped: (id: string) => void }) {
  const listed = useQuery(dialledQuery).data ?? [];
  const [stopping, setStopping] = useState<string>();
  const client = useQueryClient();
  const ids = [...new Set([...listed.map((device) => device.id), ...added])];
  if (ids.length === 0) return null;
  const stop = async (id: string) => {
    await stopDialling(id);
    onStopped(id);
    await Promise.all([keys.dialled, keys.device(id)].map((queryKey) => client.invalidateQueries({ queryKey })));
  };
  return (
    <>
      <ul className="panel max-w-3xl divide-y" aria-label="Dialled devices">{ids.map((id) => <DialledDevice key={id} id={id} onStop={() => setStopping(id)} />)}</ul>
      <Confirm open={stopping !== undefined} onClose={() => setStopping(undefined)} title="Stop dialling this device?" action="Stop dialling" onConfirm={() => stop(stopping ?? "")}>
        The device stays on record. The server no longer calls it; it is reached only if it connects by itself.
      </Confirm>
    </>
  );
}

function DialledDevice({ id, onStop }: { id: string; onStop: () => void }) {
  const query = useQuery(deviceQuery(id));
  if (query.error instanceof ApiError && query.error.status === 404) return null;
  const device = query.data;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-1.5">
      <DeviceLink id={id} className="font-medium" />
      {device && (device.online ? <Presence online /> : <span role="status" className="animate-pulse-slow text-muted">dialling, no answer yet</span>)}
      <span className="value flex-1 text-faint">{device?.dial ?? device?.endpoints[0]}</span>
      <IconButton icon="trash" label={`Stop dialling ${device?.name ?? id}`} onClick={onStop} />
    </li>
  );
}
