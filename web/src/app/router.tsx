// Routes of the page. Everything but the sign-in stands behind a session.
import type { QueryClient } from "@tanstack/react-query";
import { createRootRouteWithContext, createRoute, createRouter, Link, Outlet, redirect } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { meQuery } from "../api/queries";
import { Button, Empty, ErrorNote, Loading } from "../components/ui";
import { DataModelsPage } from "../pages/DataModels";
import { CertificatesPage } from "../pages/Certificates";
import { ConnectPage } from "../pages/Connect";
import { DeviceEvents } from "../pages/device/Events";
import { DeviceJobs } from "../pages/device/Jobs";
import { DeviceLayout } from "../pages/device/Layout";
import { DeviceOverview } from "../pages/device/Overview";
import { DeviceParameters } from "../pages/device/Parameters";
import { DeviceTrace } from "../pages/device/Trace";
import { DevicesPage } from "../pages/Devices";
import { EventsPage } from "../pages/Events";
import { ExpectedPage } from "../pages/Expected";
import { JobsPage } from "../pages/Jobs";
import { PendingPage } from "../pages/Pending";
import { RefusedPage } from "../pages/Refused";
import { SignInPage } from "../pages/SignIn";
import { TokensPage } from "../pages/Tokens";
import { parseSearch, stringifySearch } from "./search";
import { Shell } from "./Shell";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const root = createRootRouteWithContext<{ client: QueryClient }>()({ component: Outlet, notFoundComponent: NotFound });

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { link?: string; next?: string } => ({ link: text(search["link"]), next: text(search["next"]) }),
  component: SignInPage,
});

const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  beforeLoad: async ({ context, location }) => {
    const me = await context.client.ensureQueryData(meQuery).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 401) throw redirect({ to: "/sign-in", search: { next: location.href } });
      throw error;
    });
    if (me.password_needed) throw redirect({ to: "/sign-in", search: { next: location.href } });
  },
  component: Shell,
  pendingComponent: Loading,
  errorComponent: ({ error, reset }) => <div className="mx-auto max-w-lg p-10"><ErrorNote error={error} retry={reset} /></div>,
});

const page = <P extends string>(path: P, component: () => ReactNode) => createRoute({ getParentRoute: () => shell, path, component });

const home = createRoute({ getParentRoute: () => shell, path: "/", beforeLoad: () => { throw redirect({ to: "/devices" }); } });

const devices = createRoute({
  getParentRoute: () => shell,
  path: "/devices",
  validateSearch: (search: Record<string, unknown>): { q?: string; sort?: string } => ({ q: text(search["q"]), sort: text(search["sort"]) }),
  component: DevicesPage,
});

const device = createRoute({ getParentRoute: () => shell, path: "/devices/$id", component: DeviceLayout });
const overview = createRoute({ getParentRoute: () => device, path: "/", component: DeviceOverview });
const parameters = createRoute({
  getParentRoute: () => device,
  path: "parameters",
  validateSearch: (search: Record<string, unknown>): { path?: string } => ({ path: text(search["path"]) }),
  component: DeviceParameters,
});
const deviceJobs = createRoute({ getParentRoute: () => device, path: "jobs", component: DeviceJobs });
const deviceEvents = createRoute({ getParentRoute: () => device, path: "events", component: DeviceEvents });
const deviceTrace = createRoute({ getParentRoute: () => device, path: "trace", component: DeviceTrace });

const routes = root.addChildren([
  signIn,
  shell.addChildren([
    home,
    devices,
    device.addChildren([overview, parameters, deviceJobs, deviceEvents, deviceTrace]),
    page("/pending", PendingPage),
    page("/connect", ConnectPage),
    page("/expected", ExpectedPage),
    page("/refused", RefusedPage),
    page("/certificates", CertificatesPage),
    page("/jobs", JobsPage),
    page("/events", EventsPage),
    page("/tokens", TokensPage),
    page("/data-models", DataModelsPage),
  ]),
]);

export function makeRouter(client: QueryClient) {
  return createRouter({ routeTree: routes, context: { client }, parseSearch, stringifySearch, defaultPreload: false, scrollRestoration: true, defaultErrorComponent: PageError });
}

declare module "@tanstack/react-router" {
  interface Register { router: ReturnType<typeof makeRouter> }
}

function NotFound() {
  return <Empty title="There is no such page"><Link to="/devices" className="text-accent underline">Go to the devices</Link></Empty>;
}

function PageError({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <div className="mx-auto max-w-lg p-10">
      <ErrorNote error={error} />
      <Button className="mt-3" onClick={reset}>Try again</Button>
    </div>
  );
}
