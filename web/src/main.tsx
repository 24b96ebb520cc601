// Entry of the page.
import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError, whenUnauthorised } from "./api/client";
import { keys } from "./api/queries";
import { makeRouter } from "./app/router";
import { applyTheme, savedTheme } from "./app/theme";
import "./app/styles.css";

applyTheme(savedTheme());

// Links of the form `/#/link/<token>` keep the token out of access logs; from here on it is an ordinary search parameter.
const hashLink = /^#\/link\/(.+)$/.exec(location.hash)?.[1];
if (hashLink) history.replaceState(null, "", `/sign-in?link=${encodeURIComponent(decodeURIComponent(hashLink))}`);

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
});
const router = makeRouter(client);

whenUnauthorised(() => {
  client.removeQueries({ queryKey: keys.me });
  const here = router.state.location;
  if (here.pathname !== "/sign-in") void router.navigate({ to: "/sign-in", search: { next: here.href } });
});

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
