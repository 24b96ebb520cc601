// What a device needs to reach this server, ready to paste.
import { Tabs } from "@base-ui/react/tabs";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, unwrap } from "../api/client";
import { connectQuery, enrolmentsQuery, keys } from "../api/queries";
import type { BrokerInfo, ConnectInfo, CreatedEnrolment } from "../api/types";
import { withToken } from "./connect-text";
import { DialDevice } from "./Dial";
import { CodeBlock, CopyIcon } from "../components/copy";
import { LoadMore } from "../components/DataTable";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Badge, Button, ErrorNote, IconButton, Loading, PageHeader } from "../components/ui";

export function ConnectPage() {
  const query = useQuery(connectQuery);
  const [token, setToken] = useState<CreatedEnrolment>();
  return (
    <>
      <PageHeader title="Connect a device" detail="Paste this into the device. It then appears under Pending, or at once among the devices if it brings a one-time token." />
      <div className="max-w-4xl px-4 pb-10 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} />}
        {query.isPending && <Loading />}
        {query.data && (
          <>
            <Facts info={query.data} />
            {query.data.tls ? <TokenMaker token={token} onToken={setToken} /> : <NoTokens />}
            <Recipes info={query.data} token={token?.token} />
            <OpenTokens />
            <DialDevice />
          </>
        )}
      </div>
    </>
  );
}

function Facts({ info }: { info: ConnectInfo }) {
  return (
    <dl className="panel grid grid-cols-[max-content_1fr] gap-x-6 px-4 py-2.5">
      <Fact name="Controller endpoint" value={info.endpoint_id} />
      <Fact name="WebSocket URL" value={info.websocket_url} />
      <dt className="py-1 text-muted">Transport</dt>
      <dd className="py-1">{info.tls ? <Badge tone="ok">TLS</Badge> : <Badge tone="warn">plain, no TLS</Badge>}</dd>
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt className="py-1 text-muted">{name}</dt>
      <dd className="flex items-center gap-1.5 py-0.5"><span className="value">{value}</span><CopyIcon text={value} label={`Copy ${name}`} /></dd>
    </>
  );
}

function NoTokens() {
  return (
    <section className="mt-6">
      <h2 className="eyebrow mb-2">One-time token</h2>
      <p className="text-muted">A device can get a certificate against a token only over TLS, which this listener does not have. It waits under <Link to="/pending" className="text-accent underline">Pending</Link> instead.</p>
    </section>
  );
}

function TokenMaker({ token, onToken }: { token: CreatedEnrolment | undefined; onToken: (token: CreatedEnrolment) => void }) {
  const [ttl, setTtl] = useState("1h");
  const [uses, setUses] = useState(1);
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const { fail } = useNotices();
  const create = async () => {
    setBusy(true);
    try {
      onToken(await unwrap(api.POST("/enrolments", { body: { ttl, uses } })));
      await client.invalidateQueries({ queryKey: keys.enrolments });
    } catch (error) {
      fail("Could not create a token", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="mt-6">
      <h2 className="eyebrow mb-2">One-time token</h2>
      <p className="mb-2 text-muted">With a token the device gets its own certificate and needs no approval. Without one it waits under <Link to="/pending" className="text-accent underline">Pending</Link>.</p>
      <div className="flex flex-wrap items-center gap-2">
        <label className="flex items-center gap-1.5 text-muted">Valid for
          <select className="field !w-auto" value={ttl} onChange={(event) => setTtl(event.target.value)}>
            <option value="15m">15 minutes</option><option value="1h">1 hour</option><option value="24h">1 day</option><option value="168h">1 week</option>
          </select>
        </label>
        <label className="flex items-center gap-1.5 text-muted">for
          <input type="number" min={1} max={1000} className="field !w-20" value={uses} onChange={(event) => setUses(Math.max(1, Math.min(1000, Math.trunc(event.target.valueAsNumber) || 1)))} />
          {uses === 1 ? "device" : "devices"}
        </label>
        <Button variant="primary" icon="plus" busy={busy} onClick={() => void create()}>Create token</Button>
      </div>
      {token && (
        <p role="status" className="mt-3 flex flex-wrap items-center gap-2 rounded-md bg-accent-soft px-3 py-2">
          <span className="value font-semibold" data-testid="token">{token.token}</span>
          <CopyIcon text={token.token} label="Copy token" />
          <span className="text-muted">expires <Ago at={token.expires} />; it is shown only now</span>
        </p>
      )}
    </section>
  );
}

const TAB = "border-b-2 border-transparent px-1 py-1.5 text-muted hover:text-ink data-active:border-accent data-active:font-semibold data-active:text-ink";

function Recipes({ info, token }: { info: ConnectInfo; token: string | undefined }) {
  const protocols = [...new Set(info.brokers.map((broker) => broker.protocol))];
  return (
    <Tabs.Root defaultValue="agent" className="mt-6">
      <Tabs.List className="mb-3 flex gap-5 border-b">
        <Tabs.Tab value="agent" className={TAB}>cusp-agent</Tabs.Tab>
        <Tabs.Tab value="obuspa" className={TAB}>OB-USP-AGENT</Tabs.Tab>
        {protocols.map((protocol) => <Tabs.Tab key={protocol} value={protocol} className={TAB}>{protocol}</Tabs.Tab>)}
        {info.ca_pem && <Tabs.Tab value="ca" className={TAB}>CA certificate</Tabs.Tab>}
      </Tabs.List>
      <Tabs.Panel value="agent">
        <CodeBlock label="agent.toml" text={withToken(info.agent_toml, token)} tall />
        <p className="mt-2 text-muted">Save it, then start the agent with <code className="value">cusp-agent --config agent.toml</code>. It is the factory default: read at the first start and after a factory reset.</p>
      </Tabs.Panel>
      <Tabs.Panel value="obuspa">
        <CodeBlock label="factory-reset.txt" text={withToken(info.obuspa, token)} tall />
        <p className="mt-2 text-muted">Start it with <code className="value">obuspa -r factory-reset.txt</code> and a fresh database, so that these parameters are taken.</p>
      </Tabs.Panel>
      {protocols.map((protocol) => (
        <Tabs.Panel key={protocol} value={protocol}>
          {info.brokers.filter((broker) => broker.protocol === protocol).map((broker) => <Broker key={broker.url} broker={broker} endpoint={info.endpoint_id} />)}
        </Tabs.Panel>
      ))}
      {info.ca_pem && (
        <Tabs.Panel value="ca">
          <CodeBlock label="ca.pem" text={info.ca_pem} tall />
          <p className="mt-2 text-muted">The device checks the server's certificate against this one.</p>
        </Tabs.Panel>
      )}
    </Tabs.Root>
  );
}

function Broker({ broker, endpoint }: { broker: BrokerInfo; endpoint: string }) {
  const [address, login] = broker.protocol === "STOMP" ? ["destination", "Device.STOMP.Connection.1."] : ["topic", "Device.MQTT.Client.1."];
  return (
    <section className="mb-8">
      <dl className="panel mb-3 grid grid-cols-[max-content_1fr] gap-x-6 px-4 py-2.5">
        <Fact name="Broker" value={broker.url} />
        <Fact name={`Controller ${address}`} value={broker.topic} />
        <Fact name={`Controller of this ${address}`} value={endpoint} />
        <dt className="py-1 text-muted">Transport</dt>
        <dd className="flex gap-2 py-1"><span>{broker.protocol} {broker.version}</span>{broker.tls ? <Badge tone="ok">TLS</Badge> : <Badge tone="warn">plain, no TLS</Badge>}</dd>
      </dl>
      <CodeBlock label="cusp-agent: agent.toml" text={broker.agent_toml} tall />
      <p className="mt-2 mb-4 text-muted">A device behind a broker waits under <Link to="/pending" className="text-accent underline">Pending</Link>, as any other. If the broker wants a name and a password, they are the broker's to give.</p>
      <CodeBlock label="OB-USP-AGENT: factory-reset.txt" text={broker.obuspa} tall />
      <p className="mt-2 text-muted">Put the device's own endpoint id in the place of <code className="value">ENDPOINT_HERE</code>, and the user name and password of the broker into <code className="value">{login}Username</code> and <code className="value">Password</code>.</p>
    </section>
  );
}

function OpenTokens() {
  const query = useInfiniteQuery(enrolmentsQuery);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const client = useQueryClient();
  const { fail } = useNotices();
  if (items.length === 0) return null;
  const revoke = async (id: string) => {
    try {
      await unwrap(api.DELETE("/enrolments/{id}", { params: { path: { id } } }));
      await client.invalidateQueries({ queryKey: keys.enrolments });
    } catch (error) {
      fail("Could not revoke the token", error);
    }
  };
  return (
    <section className="mt-8">
      <h2 className="eyebrow mb-2">Open tokens</h2>
      <ul className="panel divide-y">
        {items.map((item) => (
          <li key={item.id} className="flex items-center gap-3 px-4 py-1.5">
            <span className="value">{item.name || item.id}</span>
            <span className="flex-1 text-muted">expires <Ago at={item.expires} />, lets in {item.uses === 1 ? "one device" : `${item.uses} devices`} more</span>
            <IconButton icon="trash" label={`Revoke ${item.name || item.id}`} onClick={() => void revoke(item.id)} />
          </li>
        ))}
      </ul>
      <LoadMore query={query} />
    </section>
  );
}
