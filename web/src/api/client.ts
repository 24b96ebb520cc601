// Thin typed client of the REST interface. Every failure, of the network or of the server, is thrown as one `ApiError`.
import createClient, { type Middleware } from "openapi-fetch";
import type { ParamFault, Problem, paths } from "./types";

export const BASE = "/api/v1";

/** A failed call: what the server said as problem+json, or status 0 when it could not be reached. */
export class ApiError extends Error {
  readonly status: number;
  /** USP error code, when there is one. */
  readonly code: number | undefined;
  readonly slug: string | undefined;
  /** Settings that break the device's model, by path. */
  readonly params: ParamFault[];

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code ?? undefined;
    this.params = problem.params ?? [];
    this.slug = problem.type?.startsWith("urn:cusp:error:") ? problem.type.slice("urn:cusp:error:".length) : undefined;
  }
}

/** Reads any error body into a problem; a body that is not one (a proxy's page, an empty answer) still gives a title. */
export function toProblem(status: number, body: unknown): Problem {
  if (typeof body === "object" && body !== null && "title" in body) return { ...(body as Problem), status };
  const titles: Record<number, string> = { 0: "The server cannot be reached", 401: "Sign in to continue", 403: "Not allowed", 404: "Not found" };
  return { type: "about:blank", title: titles[status] ?? `The server answered ${status}`, status };
}

const CSRF_HEADER = "X-Cusp-Request";

/** The server demands this header on state-changing requests that carry the session cookie. */
const csrf: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET" && request.method !== "HEAD") request.headers.set(CSRF_HEADER, "1");
    return request;
  },
};

export function makeClient(options: { baseUrl?: string; fetch?: (request: Request) => Promise<Response> } = {}) {
  const client = createClient<paths>({ baseUrl: options.baseUrl ?? BASE, credentials: "same-origin", ...(options.fetch ? { fetch: options.fetch } : {}) });
  client.use(csrf);
  return client;
}

export const api = makeClient();

let onUnauthorised: () => void = () => {};
/** Called when the session has ended, once per failed call. */
export function whenUnauthorised(handler: () => void): void {
  onUnauthorised = handler;
}

interface Answer<T> { data?: T; error?: unknown; response: Response }

/** Unwraps an answer: the data, or an `ApiError`. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiError(toProblem(0, undefined));
  }
  if (answer.response.ok) return answer.data as T;
  if (answer.response.status === 401) onUnauthorised();
  throw new ApiError(toProblem(answer.response.status, answer.error));
}

/** Uploads a file, which is no JSON and is not read into memory here. Failures are as with `unwrap`. */
export function send<T>(path: string, file: Blob, type: string): Promise<T> {
  const headers = { [CSRF_HEADER]: "1", Accept: "application/json", "Content-Type": type };
  const call = async (): Promise<Answer<T>> => {
    const response = await fetch(BASE + path, { method: "POST", headers, body: file, credentials: "same-origin" });
    const answer = (await response.json().catch(() => undefined)) as T;
    return response.ok ? { data: answer, response } : { error: answer, response };
  };
  return unwrap(call());
}
