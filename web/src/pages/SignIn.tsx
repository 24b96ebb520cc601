// Sign-in with a password or a one-time link; a user who has no password yet chooses one here.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { api, unwrap } from "../api/client";
import { keys, meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { useTitle } from "../app/title";
import { safeNext } from "../app/search";
import { Mark } from "../components/icons";
import { Button, ErrorNote, Field, Loading } from "../components/ui";

const route = getRouteApi("/sign-in");
export const MIN_PASSWORD = 12;

export function SignInPage() {
  const { link, next } = route.useSearch();
  const navigate = useNavigate();
  const client = useQueryClient();
  // Not fetched here: the shell's guard has left it in the cache when someone is signed in but has no password.
  const me = useQuery({ ...meQuery, enabled: false }).data;

  const signedIn = async (user: Me) => {
    client.setQueryData(keys.me, user);
    if (!user.password_needed) await navigate({ href: safeNext(next), replace: true });
  };

  return (
    <main className="grid min-h-full place-items-center bg-canvas p-6">
      <div className="w-full max-w-[21rem]">
        <div className="mb-6 flex items-center gap-2.5 text-[1.5rem] font-semibold tracking-tight"><Mark size={30} />Cusp</div>
        {me?.password_needed ? <ChoosePassword user={me.user} onDone={() => signedIn({ ...me, password_needed: false })} /> : <PasswordForm link={link} onSignedIn={signedIn} />}
      </div>
    </main>
  );
}

function PasswordForm({ link, onSignedIn }: { link: string | undefined; onSignedIn: (me: Me) => Promise<void> }) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [linking, setLinking] = useState(link !== undefined);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const used = useRef(false);

  const attempt = async (body: { user?: string; password?: string; link?: string }) => {
    setBusy(true);
    setError(undefined);
    try {
      await onSignedIn(await unwrap(api.POST("/auth/login", { body })));
    } catch (cause) {
      setError(body.link ? new Error("This sign-in link has been used or has expired. Ask for another with: cusp user link NAME") : cause);
      setLinking(false);
    } finally {
      setBusy(false);
    }
  };

  useEffect(() => {
    // A link works once, and effects may run twice.
    if (link === undefined || used.current) return;
    used.current = true;
    void attempt({ link });
  });

  // Until the link has been tried there is nothing to fill in: a form that vanishes takes with it what was typed.
  if (linking) return <Loading what="Signing in" />;
  return (
    <Form title="Sign in" onSubmit={() => void attempt({ user, password })}>
      {error !== undefined && <ErrorNote error={error} className="mb-3" />}
      <Field label="User" name="user" autoComplete="username" autoFocus={link === undefined} required value={user} onChange={(event) => setUser(event.target.value)} />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required value={password} onChange={(event) => setPassword(event.target.value)} />
      <Button type="submit" variant="primary" busy={busy} className="w-full">Sign in</Button>
      <p className="mt-5 border-t pt-3 text-xs text-faint">First time here? The server printed a one-time sign-in link when it started. <code className="value">cusp user link NAME</code> makes another.</p>
    </Form>
  );
}

function ChoosePassword({ user, onDone }: { user: string; onDone: () => Promise<void> }) {
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const short = password !== "" && [...password].length < MIN_PASSWORD;
  const different = again !== "" && again !== password;

  const save = async () => {
    if ([...password].length < MIN_PASSWORD || again !== password) return;
    setBusy(true);
    setError(undefined);
    try {
      await unwrap(api.POST("/auth/password", { body: { password } }));
      await onDone();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Form title="Choose a password" onSubmit={() => void save()}>
      <p className="-mt-2 mb-4 text-muted">You are signed in as <b className="font-semibold text-ink">{user}</b>. The link has done its work; from now on this password lets you in.</p>
      {error !== undefined && <ErrorNote error={error} className="mb-3" />}
      <input type="hidden" name="username" autoComplete="username" value={user} readOnly />
      <Field label="Password" name="new-password" type="password" autoComplete="new-password" autoFocus required minLength={MIN_PASSWORD} value={password} onChange={(event) => setPassword(event.target.value)} hint={`At least ${MIN_PASSWORD} characters`} problem={short ? `At least ${MIN_PASSWORD} characters` : undefined} />
      <Field label="Once more" name="again" type="password" autoComplete="new-password" required value={again} onChange={(event) => setAgain(event.target.value)} problem={different ? "The two differ" : undefined} />
      <Button type="submit" variant="primary" busy={busy} className="w-full">Save and continue</Button>
    </Form>
  );
}

function Form({ title, onSubmit, children }: { title: string; onSubmit: () => void; children: ReactNode }) {
  useTitle(title);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form onSubmit={submit} className="panel p-6">
      <h1 className="mb-4 text-lg font-semibold">{title}</h1>
      {children}
    </form>
  );
}
