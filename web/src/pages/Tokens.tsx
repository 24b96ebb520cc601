// API tokens of this user, and the password.
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { api, unwrap } from "../api/client";
import { keys, tokensQuery } from "../api/queries";
import type { CreatedToken, RoleName } from "../api/types";
import { CopyIcon } from "../components/copy";
import { LoadMore } from "../components/DataTable";
import { useNotices } from "../components/toast";
import { Ago } from "../components/time";
import { Button, ErrorNote, Field, IconButton, PageHeader } from "../components/ui";
import { MIN_PASSWORD } from "./SignIn";

export function TokensPage() {
  return (
    <>
      <PageHeader title="API tokens and password" detail="Programs sign in with a token; people with a password." />
      <div className="grid max-w-4xl gap-8 px-4 pb-10 md:px-6">
        <Tokens />
        <Password />
      </div>
    </>
  );
}

function Tokens() {
  const query = useInfiniteQuery(tokensQuery);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const client = useQueryClient();
  const { fail } = useNotices();
  const [name, setName] = useState("");
  const [role, setRole] = useState<RoleName>("viewer");
  const [made, setMade] = useState<CreatedToken>();

  const create = async (event: FormEvent) => {
    event.preventDefault();
    try {
      setMade(await unwrap(api.POST("/tokens", { body: { name, role } })));
      setName("");
      await client.invalidateQueries({ queryKey: keys.tokens });
    } catch (error) {
      fail("Could not create the token", error);
    }
  };
  const revoke = async (id: string) => {
    try {
      await unwrap(api.DELETE("/tokens/{id}", { params: { path: { id } } }));
      await client.invalidateQueries({ queryKey: keys.tokens });
    } catch (error) {
      fail("Could not revoke the token", error);
    }
  };

  return (
    <section>
      <h2 className="eyebrow mb-2">Tokens</h2>
      <form onSubmit={(event) => void create(event)} className="mb-3 flex flex-wrap items-center gap-2">
        <input className="field !w-60" aria-label="Token name" placeholder="What it is for" required value={name} onChange={(event) => setName(event.target.value)} />
        <select className="field !w-auto" aria-label="Role" value={role} onChange={(event) => setRole(event.target.value as RoleName)}>
          <option value="viewer">viewer</option><option value="operator">operator</option><option value="owner">owner</option>
        </select>
        <Button type="submit" variant="primary" icon="key">Create token</Button>
      </form>
      {made && <p role="status" className="mb-3 flex flex-wrap items-center gap-2 rounded-md bg-accent-soft px-3 py-2"><span className="value font-semibold">{made.token}</span><CopyIcon text={made.token} label="Copy token" /><span className="text-muted">shown only now</span></p>}
      {query.error && <ErrorNote error={query.error} />}
      {query.data && items.length === 0 && <p className="text-muted">No tokens.</p>}
      {items.length > 0 && (
        <ul className="panel divide-y">
          {items.map((item) => (
            <li key={item.id} className="flex items-center gap-3 px-4 py-1.5">
              <span className="flex-1">{item.name} <span className="text-muted">{item.role}</span></span>
              {item.expires && <span className="text-muted">expires <Ago at={item.expires} /></span>}
              <IconButton icon="trash" label={`Revoke ${item.name}`} onClick={() => void revoke(item.id)} />
            </li>
          ))}
        </ul>
      )}
      <LoadMore query={query} />
    </section>
  );
}

function Password() {
  const { say, fail } = useNotices();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await unwrap(api.POST("/auth/password", { body: { current, password } }));
      say("Password changed");
      setCurrent("");
      setPassword("");
    } catch (error) {
      fail("Could not change the password", error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section>
      <h2 className="eyebrow mb-2">Password</h2>
      <form onSubmit={(event) => void save(event)} className="max-w-sm">
        <Field label="Current password" type="password" autoComplete="current-password" required value={current} onChange={(event) => setCurrent(event.target.value)} />
        <Field label="New password" type="password" autoComplete="new-password" required minLength={MIN_PASSWORD} value={password} onChange={(event) => setPassword(event.target.value)} hint={`At least ${MIN_PASSWORD} characters`} />
        <Button type="submit" variant="primary" busy={busy}>Change password</Button>
      </form>
    </section>
  );
}
