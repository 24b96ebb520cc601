// The device at a glance: identity, health, how it reaches us.
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, type ReactNode } from "react";
import { deviceQuery, sessionsQuery } from "../../api/queries";
import type { Device } from "../../api/types";
import { CopyIcon } from "../../components/copy";
import { Ago, duration, useNow } from "../../components/time";
import { Badge, Button, cx, Unproven } from "../../components/ui";
import { useTwin } from "../../tree/useTwin";

const route = getRouteApi("/shell/devices/$id");
const HEALTH = ["Device.DeviceInfo.", "Device.DeviceInfo.MemoryStatus.", "Device.DeviceInfo.ProcessStatus."];

export function DeviceOverview() {
  const { id } = route.useParams();
  const device = useQuery(deviceQuery(id)).data;
  const { client } = useTwin();
  useEffect(() => {
    for (const path of HEALTH) void client.load(path);
  }, [client]);
  if (!device) return null;
  const refresh = () => Promise.all(HEALTH.map((path) => client.refresh(path, false)));
  return (
    <div className="grid gap-x-10 gap-y-8 px-4 py-6 md:px-6 xl:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]">
      <Health device={device} onRefresh={() => void refresh()} />
      <Identity device={device} />
      <Sessions device={device} />
    </div>
  );
}

function Section({ title, action, className, children }: { title: string; action?: ReactNode; className?: string; children: ReactNode }) {
  return (
    <section className={className}>
      <div className="mb-2 flex min-h-7 items-center justify-between border-b border-line-strong pb-1"><h2 className="eyebrow">{title}</h2>{action}</div>
      {children}
    </section>
  );
}

/** What is not known is left out rather than shown as a row of dashes. */
function Rows({ rows }: { rows: [name: string, value: ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[9rem_minmax(0,1fr)]">
      {rows.filter(([, value]) => value).map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="py-[0.2rem] text-muted">{name}</dt>
          <dd className="py-[0.2rem]">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Identity({ device }: { device: Device }) {
  return (
    <Section title="Identity">
      {!device.manufacturer && !device.model && !device.serial && <p className="mb-1 text-muted">The device tells neither its manufacturer nor its model or serial number.</p>}
      <Rows rows={[
        ["Manufacturer", device.manufacturer],
        ["Model", device.model],
        ["Product class", device.product_class],
        ["Serial number", device.serial && <span className="value">{device.serial}</span>],
        ["OUI", device.oui && <span className="value">{device.oui}</span>],
        ["Hardware", device.hardware],
        ["Software", device.software && <span className="value">{device.software}</span>],
        ["First seen", <Ago key="first" at={device.first_seen} />],
        ["Device id", <span key="id" className="flex items-center gap-1"><span className="value">{device.id}</span><CopyIcon text={device.id} label="Copy device id" /></span>],
      ]} />
    </Section>
  );
}

function Health({ device, onRefresh }: { device: Device; onRefresh: () => void }) {
  const { twin } = useTwin();
  const now = useNow();
  const uptime = twin.value("Device.DeviceInfo.UpTime");
  const since = uptime && device.online ? Math.max(0, (now - Date.parse(uptime.at)) / 1000) : 0;
  const total = Number(twin.value("Device.DeviceInfo.MemoryStatus.Total")?.value ?? NaN);
  const free = Number(twin.value("Device.DeviceInfo.MemoryStatus.Free")?.value ?? NaN);
  const cpu = twin.value("Device.DeviceInfo.ProcessStatus.CPUUsage")?.value;
  const reading = twin.read("Device.DeviceInfo.")?.state === "reading";
  return (
    <Section title="Health" action={<Button small icon="refresh" busy={reading} onClick={onRefresh}>Read now</Button>}>
      <div className="grid grid-cols-2 gap-x-6 gap-y-4 py-2 sm:grid-cols-3">
        <Figure name="Uptime" value={uptime ? duration(Number(uptime.value) + since) : undefined} />
        <Figure name="Processor" value={cpu !== undefined ? `${cpu} %` : undefined} part={cpu !== undefined ? Number(cpu) / 100 : undefined} />
        <Figure name="Memory in use" value={total > 0 && free >= 0 ? mebibytes(total - free) : undefined} detail={total > 0 ? `of ${mebibytes(total)}` : undefined} part={total > 0 ? (total - free) / total : undefined} />
      </div>
      <Rows rows={[
        ["Last message", <Ago key="seen" at={device.last_seen} />],
        ["Address", device.address && <span className="value">{device.address}</span>],
        ["Values as of", uptime && <Ago key="read" at={uptime.at} />],
      ]} />
    </Section>
  );
}

/** MemoryStatus counts in KiB. */
const mebibytes = (kib: number): string => (kib >= 10 * 1024 * 1024 ? `${(kib / 1024 / 1024).toFixed(1)} GiB` : `${Math.round(kib / 1024)} MiB`);

function Figure({ name, value, detail, part }: { name: string; value: string | undefined; detail?: string | undefined; part?: number | undefined }) {
  const level = part === undefined || Number.isNaN(part) ? undefined : Math.max(0, Math.min(1, part));
  return (
    <div>
      <p className="text-xs text-muted">{name}</p>
      <p className="text-lg font-semibold tabular-nums">{value ?? <span className="font-normal text-faint">not known</span>} {value && detail && <span className="text-xs font-normal text-muted">{detail}</span>}</p>
      {level !== undefined && (
        <svg viewBox="0 0 100 4" preserveAspectRatio="none" className="mt-1 h-1 w-full overflow-hidden rounded-full" role="img" aria-label={`${Math.round(level * 100)} percent`}>
          <rect width="100" height="4" className="fill-line" />
          <rect width={level * 100} height="4" className={cx(level > 0.9 ? "fill-bad" : level > 0.75 ? "fill-warn" : "fill-accent")} />
        </svg>
      )}
    </div>
  );
}

function Sessions({ device }: { device: Device }) {
  const sessions = useQuery(sessionsQuery(device.id)).data?.items ?? [];
  return (
    <Section title="Connection" className="xl:col-span-2">
      <Rows rows={[
        ["Protocol", device.protocol.toUpperCase()],
        ["Endpoints", <span key="endpoints" className="flex flex-col">{device.endpoints.map((endpoint) => <span key={endpoint} className="value flex items-center gap-1">{endpoint}<CopyIcon text={endpoint} label="Copy endpoint" /></span>)}</span>],
        ["Identity", device.proven ? <span key="proof"><Badge tone="ok">proven</Badge> <span className="text-muted">by its certificate</span></span> : <span key="proof"><Unproven /> <span className="text-muted">seen only over a plain connection</span></span>],
      ]} />
      {sessions.length > 0 && (
        <table className="grid-table mt-4" aria-label="Sessions">
          <thead><tr><th scope="col" className="!bg-canvas !pl-0">Transport</th><th scope="col" className="!bg-canvas">Peer</th><th scope="col" className="!bg-canvas">Proof</th><th scope="col" className="!bg-canvas">Since</th><th scope="col" className="!bg-canvas">Until</th></tr></thead>
          <tbody>
            {sessions.map((session) => (
              <tr key={session.link + session.since}>
                <td className="!pl-0">{session.transport}</td>
                <td className="value">{session.peer}</td>
                <td>{session.proven ? "certificate" : "none"}</td>
                <td className="text-muted"><Ago at={session.since} /></td>
                <td className="text-muted">{session.until ? <Ago at={session.until} /> : <Badge tone="ok">open</Badge>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
