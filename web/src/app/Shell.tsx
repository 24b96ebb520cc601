// Frame around every page: navigation, live indicator, theme, account, and the warning of a plaintext listener.
import { Menu } from "@base-ui/react/menu";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { api, unwrap } from "../api/client";
import { connectQuery, meQuery, pendingQuery } from "../api/queries";
import { Icon, Mark, type IconName } from "../components/icons";
import { Toasts } from "../components/toast";
import { cx } from "../components/ui";
import { LiveProvider, useLive } from "../live/LiveProvider";
import { useShortcuts } from "./shortcuts";
import { useTheme } from "./theme";

export function Shell() {
  return (
    <LiveProvider>
      <Toasts>
        <Frame />
      </Toasts>
    </LiveProvider>
  );
}

function Frame() {
  useShortcuts();
  return (
    <div className="flex h-full flex-col md:flex-row">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded focus:bg-raised focus:px-3 focus:py-1">Skip to content</a>
      <Rail />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PlaintextBanner />
        <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-auto outline-none"><Outlet /></main>
      </div>
    </div>
  );
}

function Rail() {
  const pending = useQuery(pendingQuery).data?.items.length ?? 0;
  return (
    <nav aria-label="Main" className="flex shrink-0 flex-wrap items-center gap-x-1 border-b bg-rail px-3 pt-2 pb-1 md:w-[196px] md:flex-col md:flex-nowrap md:items-stretch md:border-r md:border-b-0 md:py-4">
      <Link to="/devices" className="mb-0 flex items-center gap-2 rounded px-2 py-1 text-[1.06rem] font-semibold tracking-tight md:mb-4"><Mark />Cusp</Link>
      <div className="max-md:order-last max-md:flex max-md:w-full max-md:gap-x-1 max-md:overflow-x-auto">
        <Group title="Fleet">
          <Item to="/devices" icon="devices">Devices</Item>
          <Item to="/pending" icon="pending" count={pending}>Pending</Item>
          <Item to="/expected" icon="check">Expected</Item>
          <Item to="/refused" icon="refused">Refused</Item>
          <Item to="/connect" icon="connect">Connect<span className="max-md:hidden"> a device</span></Item>
        </Group>
        <Group title="Activity">
          <Item to="/jobs" icon="jobs">Jobs</Item>
          <Item to="/events" icon="events">Events</Item>
        </Group>
      </div>
      <div className="flex-1" />
      <LiveIndicator />
      <div className="flex items-center justify-between md:mt-1">
        <Account />
        <ThemeButton />
      </div>
    </nav>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="contents md:mb-4 md:block">
      <p className="eyebrow mb-1 hidden px-2 md:block">{title}</p>
      {children}
    </div>
  );
}

type Target = "/devices" | "/pending" | "/expected" | "/refused" | "/connect" | "/jobs" | "/events";

function Item({ to, icon, count, children }: { to: Target; icon: IconName; count?: number; children: ReactNode }) {
  return (
    <Link
      to={to}
      className="relative flex items-center gap-2 rounded-[5px] px-2 py-[0.32rem] text-muted hover:bg-hover hover:text-ink"
      activeProps={{ className: "!text-ink font-semibold before:absolute before:inset-y-1.5 before:-left-3 before:w-[3px] before:rounded-r before:bg-accent max-md:before:inset-x-2 max-md:before:inset-y-auto max-md:before:bottom-0 max-md:before:left-2 max-md:before:h-[2px] max-md:before:w-auto" }}
    >
      <Icon name={icon} className="shrink-0 max-md:hidden" />
      <span className="flex-1 max-md:whitespace-nowrap">{children}</span>
      {count ? <span className="rounded-full bg-accent px-1.5 text-xs leading-[1.15rem] font-semibold text-on-accent tabular-nums" aria-label={`${count} waiting`}>{count}</span> : null}
    </Link>
  );
}

const LIVE_TEXT = { live: "Live", connecting: "Connecting", offline: "No live updates", paused: "Paused" } as const;

function LiveIndicator() {
  const { state } = useLive();
  return (
    <p role="status" className="flex items-center gap-2 px-2 py-1 text-xs text-muted" data-live={state}>
      <span className={cx("size-[7px] rounded-full", state === "live" ? "bg-ok" : state === "offline" ? "bg-bad" : "animate-pulse-slow bg-warn")} aria-hidden="true" />
      {LIVE_TEXT[state]}
    </p>
  );
}

function ThemeButton() {
  const [theme, next] = useTheme();
  const label = `Theme: ${theme === "system" ? "as the system" : theme}`;
  return (
    <button type="button" onClick={next} aria-label={label} title={label} className="inline-flex size-7 items-center justify-center rounded-[5px] text-muted hover:bg-hover hover:text-ink">
      <Icon name={theme === "light" ? "sun" : theme === "dark" ? "moon" : "half"} size={15} />
    </button>
  );
}

function Account() {
  const me = useQuery(meQuery).data;
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = async () => {
    await unwrap(api.POST("/auth/logout")).catch(() => undefined);
    client.clear();
    await navigate({ to: "/sign-in" });
  };
  return (
    <Menu.Root>
      <Menu.Trigger className="flex min-w-0 items-center gap-2 rounded-[5px] px-2 py-1 hover:bg-hover">
        <Icon name="user" />
        <span className="truncate">{me?.user ?? "Account"}</span>
        <Icon name="down" size={12} className="text-faint" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="start" className="z-50">
          <Menu.Popup className="min-w-44 rounded-[7px] border border-line-strong bg-raised p-1 shadow-[0_8px_28px_-8px_rgb(0_0_0/0.3)] outline-none">
            <p className="px-2.5 pt-1 pb-1.5 text-xs text-faint">{me?.roles.join(", ")} · {me?.tenant ?? "platform"}</p>
            <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: "/tokens" })}>API tokens and password</Menu.Item>
            <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: "/data-models" })}>Data models</Menu.Item>
            <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: "/certificates" })}>Certificates</Menu.Item>
            <Menu.Item className={MENU_ITEM} onClick={() => void signOut()}>Sign out</Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}

const MENU_ITEM = "cursor-pointer rounded-[5px] px-2.5 py-1 outline-none data-highlighted:bg-hover";

function PlaintextBanner() {
  const connect = useQuery(connectQuery).data;
  if (!connect?.plaintext_warning) return null;
  return (
    <div role="alert" className="flex items-center gap-2 border-b border-warn/40 bg-warn-soft px-6 py-1.5 text-warn">
      <Icon name="warn" className="shrink-0" />
      <span>A listener without TLS accepts devices from other machines. Anyone on the way can read and change what they say; use <code className="value">cusp init</code> to set up certificates.</span>
    </div>
  );
}
