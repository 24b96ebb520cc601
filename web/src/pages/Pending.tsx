// Devices that wait for a decision. Until someone approves them they are sent nothing and may do nothing.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, ApiError, unwrap } from "../api/client";
import { keys, pendingQuery } from "../api/queries";
import type { ApproveBody, PendingDevice } from "../api/types";
import { Confirm } from "../components/Dialog";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Badge, Button, Empty, ErrorNote, Loading, PageHeader, Unproven } from "../components/ui";

type Decision = "approve" | "reject";

const NO_CERTIFICATE = "plain";
const shownProof = (item: PendingDevice): string => item.fingerprint ?? NO_CERTIFICATE;

/** Approval is bound to the certificate that the person saw: who comes with another one meanwhile is not let in by it. */
function decide(decision: Decision, item: PendingDevice, name: string | undefined): Promise<unknown> {
  const params = { path: { endpoint: item.endpoint } };
  if (decision === "reject") return unwrap(api.POST("/pending/{endpoint}/reject", { params }));
  const body: ApproveBody = { fingerprint: shownProof(item), ...(name ? { name } : {}) };
  return unwrap(api.POST("/pending/{endpoint}/approve", { params, body }));
}

export function PendingPage() {
  const query = useQuery(pendingQuery);
  const client = useQueryClient();
  const { say, fail } = useNotices();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [names, setNames] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [rejecting, setRejecting] = useState<PendingDevice[]>([]);
  /** What was shown when an approval was refused because the device had come with something else by then. */
  const [overtaken, setOvertaken] = useState<Record<string, string>>({});

  const items = query.data?.items ?? [];
  const selected = items.filter((item) => chosen.has(item.endpoint));
  const all = items.length > 0 && selected.length === items.length;

  const run = async (decision: Decision, devices: PendingDevice[]) => {
    setBusy(new Set(devices.map(({ endpoint }) => endpoint)));
    setOvertaken({});
    let done = 0;
    // One after another, so that a long batch does not crowd out the page's other requests.
    for (const item of devices) {
      try {
        await decide(decision, item, names[item.endpoint]?.trim());
        done += 1;
      } catch (error) {
        if (error instanceof ApiError && error.status === 409) setOvertaken((old) => ({ ...old, [item.endpoint]: shownProof(item) }));
        fail(`Could not ${decision} ${item.endpoint}`, error);
      }
    }
    setBusy(new Set());
    setChosen(new Set());
    if (done > 0) say(`${done === 1 && devices.length === 1 ? devices[0]?.endpoint : `${done} devices`} ${decision === "approve" ? "approved" : "rejected"}`);
    await Promise.all([client.invalidateQueries({ queryKey: keys.pending }), client.invalidateQueries({ queryKey: keys.devices })]);
  };

  const toggle = (endpoint: string) => {
    const next = new Set(chosen);
    if (!next.delete(endpoint)) next.add(endpoint);
    setChosen(next);
  };

  return (
    <>
      <PageHeader title="Pending" detail="Unknown devices that asked to connect. Approving one starts its onboarding at once.">
        {items.length > 0 && <><Button variant="primary" icon="check" disabled={selected.length === 0 || busy.size > 0} onClick={() => void run("approve", selected)}>Approve{selected.length > 0 ? ` ${selected.length}` : " selected"}</Button>
        <Button variant="danger" icon="cross" disabled={selected.length === 0 || busy.size > 0} onClick={() => setRejecting(selected)}>Reject{selected.length > 0 ? ` ${selected.length}` : " selected"}</Button></>}
      </PageHeader>
      <div className="px-4 pb-8 md:px-6">
        {query.error && <ErrorNote error={query.error} retry={() => void query.refetch()} className="mb-3" />}
        <div className="panel overflow-x-auto">
          {query.isPending ? <Loading /> : items.length === 0 ? (
            <Empty title="Nobody is waiting">A device that dials in without a known identity appears here. <Link to="/connect" className="text-accent underline">Connect a device</Link></Empty>
          ) : (
            <table className="grid-table stacked" aria-label="Pending devices">
              <thead>
                <tr>
                  <th scope="col" className="w-8"><input type="checkbox" aria-label="Select all" checked={all} onChange={() => setChosen(all ? new Set() : new Set(items.map((item) => item.endpoint)))} /></th>
                  <th scope="col">Endpoint</th><th scope="col">From</th><th scope="col">Identity</th><th scope="col">Last try</th><th scope="col">Name</th><th scope="col"><span className="sr-only">Decision</span></th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr key={item.endpoint}>
                    <td><input type="checkbox" aria-label={`Select ${item.endpoint}`} checked={chosen.has(item.endpoint)} onChange={() => toggle(item.endpoint)} /></td>
                    <td className="value min-w-40">{item.endpoint}</td>
                    <td><span className="value whitespace-nowrap">{item.peer}</span><div className="text-xs text-faint">{item.transport}</div></td>
                    <td><Identity item={item} was={overtaken[item.endpoint]} /></td>
                    <td className="text-muted"><Ago at={item.last_seen} /><div className="text-xs text-faint">{item.attempts > 1 ? <>{item.attempts} tries, first <Ago at={item.first_seen} /></> : "first try"}</div></td>
                    <td><input className="field min-w-24" aria-label={`Name for ${item.endpoint}`} placeholder="Name, if any" value={names[item.endpoint] ?? ""} onChange={(event) => setNames({ ...names, [item.endpoint]: event.target.value })} onKeyDown={(event) => event.key === "Enter" && void run("approve", [item])} /></td>
                    <td className="whitespace-nowrap md:text-right">
                      <Button small variant="primary" busy={busy.has(item.endpoint)} onClick={() => void run("approve", [item])}>Approve</Button>{" "}
                      <Button small variant="danger" busy={busy.has(item.endpoint)} onClick={() => setRejecting([item])}>Reject</Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </div>
      </div>
      <Confirm open={rejecting.length > 0} onClose={() => setRejecting([])} title={rejecting.length === 1 ? "Reject this device?" : `Reject ${rejecting.length} devices?`} action="Reject" onConfirm={() => run("reject", rejecting)}>
        <p>A rejected device is turned away and is sent nothing.</p>
        <ul className="value mt-2 max-h-40 overflow-auto">{rejecting.map(({ endpoint }) => <li key={endpoint}>{endpoint}</li>)}</ul>
      </Confirm>
    </>
  );
}

const proofName = (proof: string) => (proof === NO_CERTIFICATE ? "no certificate" : <span className="value break-all">{proof}</span>);

function Identity({ item, was }: { item: PendingDevice; was: string | undefined }) {
  return (
    <>
      {item.proven ? <Badge tone="ok">certificate</Badge> : <Unproven />}
      {item.changed && <Badge tone="bad" title="It has come with different certificates, or with and without one, since its first attempt: perhaps two devices use this endpoint">changed</Badge>}
      {item.fingerprint && <div className="value mt-0.5 max-w-64 text-faint">{item.fingerprint}</div>}
      {was !== undefined && (
        <p role="alert" className="mt-1 max-w-64 text-bad">
          {was === shownProof(item) ? "Its certificate has changed before. Approve again only if this is the one you expect." : <>Not approved: it came with {proofName(shownProof(item))} meanwhile, and you had seen {proofName(was)}. Approve again only if this is the one you expect.</>}
        </p>
      )}
    </>
  );
}
