// A server that answers like the real one, from memory: for screenshots, and for browser tests of the page alone.
// It is not a model of the server's rules; the tests in `real.test.ts` drive the real one.
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type { DataModel } from "../src/api/datamodels";
import { resultsOf } from "../src/api/outcome";
import type { CuspEvent, Device, Job, Outcome, SetBody } from "../src/api/types";
import * as data from "./mock-data";

const DIST = join(import.meta.dirname, "..", "dist");
const TYPES: Record<string, string> = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
/** As strict as the real server: nothing inline, nothing from elsewhere. */
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

export const LINK = "one-time-link-1e5";
export const PASSWORD = "correct horse battery";

interface Call { method: string; path: string; query: URLSearchParams; body: Record<string, unknown>; headers: IncomingMessage["headers"] }
interface Reply { status: number; body?: unknown; cookie?: string }
const ok = (body: unknown): Reply => ({ status: 200, body });
const problem = (status: number, title: string, code?: number): Reply => ({ status, body: { type: "about:blank", title, status, detail: title, code } });
const list = (items: unknown[]): Reply => ok({ items, next: null });

export class Mock {
  devices: Device[] = data.devices();
  twin = data.twin();
  pending = data.pending();
  connect = data.connect;
  jobs = data.jobs();
  events = data.events();
  passwordSet = false;
  linkUsed = false;
  tracing = true;
  session: string | undefined;
  dataModels: DataModel[] = [];
  certificates = data.certificates();
  expected = data.expected();
  /** Whether the server keeps only a part of what the device has told. */
  truncated = false;
  enrolments: { id: string; expires: string; uses: number; used: number }[] = [];
  /** State-changing calls in order, for assertions. */
  calls: { method: string; path: string; body: unknown }[] = [];
  /** Where each event stream asked to resume, in order. */
  resumed: (string | undefined)[] = [];
  #streams = new Set<ServerResponse>();
  #server = createServer((request, response) => void this.#serve(request, response));
  url = "";

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  stop(): void {
    this.dropStreams();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  signIn(): string {
    this.passwordSet = true;
    this.session = "s1";
    return "s1";
  }

  dropStreams(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#streams.clear();
  }

  emit(event: Pick<CuspEvent, "kind"> & Partial<CuspEvent>): void {
    const full: CuspEvent = { params: {}, duplicate: false, ...event, seq: (this.events[0]?.seq ?? 0) + 1, at: new Date().toISOString() };
    this.events.unshift(full);
    for (const stream of this.#streams) stream.write(frame(full));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://mock");
    response.setHeader("Content-Security-Policy", CSP);
    if (!url.pathname.startsWith("/api/v1/")) return this.#file(url.pathname, response);
    const path = url.pathname.slice("/api/v1".length);
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const call: Call = { method: request.method ?? "GET", path, query: url.searchParams, body: !text ? {} : text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { raw: text }, headers: request.headers };
    const cookie = /cusp_session=(\w+)/.exec(request.headers.cookie ?? "")?.[1];
    const signedIn = this.session !== undefined && cookie === this.session;
    if (!signedIn && path !== "/auth/login") return send(response, problem(401, "No session"));
    if (call.method !== "GET" && request.headers["x-cusp-request"] !== "1") return send(response, problem(403, "Missing X-Cusp-Request"));
    if (path === "/events/stream") return this.#stream(request, response);
    if (call.method !== "GET") this.calls.push({ method: call.method, path, body: call.body });
    send(response, this.#answer(call));
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const wanted = extname(path) ? path : "/index.html";
    try {
      const file = await readFile(join(DIST, normalize(wanted)));
      response.writeHead(200, { "Content-Type": TYPES[extname(wanted)] ?? "application/octet-stream" }).end(file);
    } catch {
      response.writeHead(404).end();
    }
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write(": hello\n\n");
    this.resumed.push(request.headers["last-event-id"] as string | undefined);
    const last = Number(request.headers["last-event-id"] ?? Number.NaN);
    if (!Number.isNaN(last)) for (const event of [...this.events].reverse()) if (event.seq > last) response.write(frame(event));
    this.#streams.add(response);
    response.on("close", () => this.#streams.delete(response));
  }

  #me() {
    return { user: "admin", roles: ["owner"], password_needed: !this.passwordSet, tenant: null };
  }

  #answer(call: Call): Reply {
    const { method, path, body } = call;
    const [, root, id = "", verb] = path.split("/").map(decodeURIComponent);
    if (root === "auth") return this.#auth(id, body);
    if (root === "me") return ok(this.#me());
    if (root === "connect") return ok(this.connect);
    if (root === "refused") return list(data.refused());
    if (root === "datamodels") return this.#dataModels(method, id, body);
    if (root === "tokens") return list([{ id: "t1", name: "grafana", role: "viewer", expires: data.ago(-864_000) }]);
    if (root === "events") return list(this.events.slice(0, 200));
    if (root === "pending") return this.#pending(method, id, verb, body);
    if (root === "enrolments") return this.#enrol(method, id);
    if (root === "certificates") return this.#certificates(id, body, call.query);
    if (root === "expected") return this.#expect(method, id, body);
    if (root === "jobs") return this.#jobList(method, id, call.query);
    if (root === "devices" && !id && method === "POST") {
      const dialled = { ...this.devices[1]!, id: "d-dialled", name: String(body["endpoint"]), endpoints: [String(body["endpoint"])], online: false, dial: String(body["connect"]) };
      this.devices.unshift(dialled);
      return { status: 201, body: dialled };
    }
    if (root === "devices" && !id) return this.#list(call.query);
    const device = this.devices.find((each) => each.id === id);
    if (root !== "devices" || !device) return problem(404, "No such device");
    switch (verb) {
      case undefined:
        if (method === "PATCH") Object.assign(device, body);
        if (method === "DELETE") this.devices = this.devices.filter((each) => each !== device);
        return method === "DELETE" ? { status: 204 } : ok(device);
      case "dial":
        delete device.dial;
        return { status: 204 };
      case "model": return device.id === data.MAIN ? ok(data.MODEL) : problem(404, "The device has not told its model yet");
      case "params": return device.id === data.MAIN ? this.#params(call.query) : ok({ items: [], next: null, truncated: false });
      case "sessions": return list([{ link: "l1", transport: "websocket", peer: device.address, proven: device.proven, since: data.ago(621) }, { link: "l0", transport: "websocket", peer: "127.0.0.1:50001", proven: device.proven, since: data.ago(90_000), until: data.ago(640) }]);
      case "events": return list(this.events.filter((event) => event.device === id));
      case "trace":
        if (method === "PUT") this.tracing = body["enabled"] === true;
        return method === "PUT" ? { status: 204 } : ok({ items: this.tracing ? data.trace() : [], next: null, enabled: this.tracing });
      default: {
        const bad = (body as unknown as SetBody).objects?.flatMap(({ path: object, params = [] }) => params.filter(({ param, value }) => param === "ProvisioningCode" && value === "refused").map(({ param }) => ({ param: object + param, code: 7012, message: "The model forbids it" })));
        if (bad?.length) return { status: 400, body: { type: "urn:cusp:error:schema", title: "Settings break the model", status: 400, code: 7012, params: bad } };
        return this.#operate(id, verb, body);
      }
    }
  }

  #auth(action: string, body: Record<string, unknown>): Reply {
    if (action === "logout") {
      this.session = undefined;
      return { status: 204 };
    }
    if (action === "password") {
      if (String(body["password"]).length < 12) return problem(400, "A password has at least 12 characters");
      this.passwordSet = true;
      return { status: 204 };
    }
    const linked = body["link"] === LINK && !this.linkUsed;
    if (!linked && !(this.passwordSet && body["user"] === "admin" && body["password"] === PASSWORD)) return problem(401, "Wrong user or password");
    this.linkUsed ||= linked;
    this.session = "s1";
    return { status: 200, body: this.#me(), cookie: "cusp_session=s1; Path=/; HttpOnly; SameSite=Strict" };
  }

  #pending(method: string, endpoint: string, verb: string | undefined, body: Record<string, unknown>): Reply {
    if (method === "GET") return list(this.pending);
    const found = this.pending.find((each) => each.endpoint === endpoint);
    if (!found) return problem(404, "Nobody waits under this endpoint");
    // Who does not say what was shown approves whoever has not changed.
    const shown = body["fingerprint"];
    if (verb === "approve" && (shown === undefined ? found.changed : shown !== (found.fingerprint ?? "plain"))) return problem(409, "It has come with another certificate");
    this.pending = this.pending.filter((each) => each !== found);
    if (verb === "reject") return { status: 204 };
    const device = { ...this.devices[1]!, id: `d-${endpoint.length}`, name: (body["name"] as string | undefined) ?? endpoint, endpoints: [endpoint], onboarded: false, proven: found.proven };
    this.devices.unshift(device);
    return ok(device);
  }

  #dataModels(method: string, id: string, body: Record<string, unknown>): Reply {
    if (method === "GET") return list(this.dataModels);
    if (method === "DELETE") {
      this.dataModels = this.dataModels.filter((each) => each.id !== id);
      return { status: 204 };
    }
    if (!String(body["raw"]).includes("<model ")) return problem(422, "There is no model in this file");
    const made = { id: "m1", name: "Device", version: "2.19", protocol: "usp", uri: "urn:broadband-forum-org:tr-181-2-19-1-usp", definitions: 8849, actor: "user:owner", imported: data.ago(0) };
    this.dataModels.push(made);
    return ok(made);
  }

  #enrol(method: string, id: string): Reply {
    if (method === "GET") return list(this.enrolments);
    if (method === "DELETE") {
      this.enrolments = this.enrolments.filter((each) => each.id !== id);
      return { status: 204 };
    }
    const made = { id: `e-${this.enrolments.length + 1}`, expires: data.ago(-3_600), uses: 1, used: 0 };
    this.enrolments.push(made);
    return ok({ id: made.id, token: "ce_4QmZ$&9vTt", expires: made.expires });
  }

  #certificates(fingerprint: string, body: Record<string, unknown>, query: URLSearchParams): Reply {
    if (!fingerprint) return list(this.certificates.filter(({ revoked }) => String(revoked) === query.get("revoked")));
    for (const item of this.certificates) if (item.fingerprint === fingerprint) Object.assign(item, { revoked: true, revoked_at: data.ago(0), reason: body["reason"] });
    return { status: 204 };
  }

  #expect(method: string, value: string, body: Record<string, unknown>): Reply {
    if (method === "GET") return list(this.expected);
    if (method === "DELETE") {
      this.expected = this.expected.filter((each) => each.value !== value);
      return { status: 204 };
    }
    const devices = body["devices"] as { endpoint?: string; serial?: string; name?: string; group?: string }[];
    for (const { endpoint, serial, ...rest } of devices) this.expected.push({ kind: endpoint ? "endpoint" : "serial", value: endpoint ?? serial ?? "", ...rest, since: data.ago(0) });
    return ok({ expected: devices.length });
  }

  #jobList(method: string, id: string, query: URLSearchParams): Reply {
    if (method === "DELETE") {
      for (const job of this.jobs) if (job.id === id) job.state = "cancelled";
      return { status: 204 };
    }
    if (id) return ok(this.jobs.find((job) => job.id === id));
    const [device, state] = [query.get("device"), query.get("state")];
    return list(this.jobs.filter((job) => (!device || job.device === device) && (!state || job.state === state)));
  }

  #list(query: URLSearchParams): Reply {
    const needle = (query.get("q") ?? "").toLowerCase();
    const limit = Number(query.get("limit") ?? 50);
    const from = Number(query.get("cursor") ?? 0);
    const sort = query.get("sort") ?? "";
    const key = sort.replace(/^-/, "") as "name";
    const found = this.devices.filter((device) => JSON.stringify([device.name, device.endpoints, device.serial, device.model, device.address]).toLowerCase().includes(needle));
    if (sort) found.sort((a, b) => String(a[key] ?? "").localeCompare(String(b[key] ?? "")) * (sort.startsWith("-") ? -1 : 1));
    return ok({ items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : null });
  }

  #params(query: URLSearchParams): Reply {
    const path = query.get("path") ?? "Device.";
    const depth = Number(query.get("depth") ?? Number.POSITIVE_INFINITY);
    const limit = Number(query.get("limit") ?? 50);
    const from = Number(query.get("cursor") ?? 0);
    const found = [...this.twin.values()].filter((item) => item.path.startsWith(path) && item.path.slice(path.length).split(".").length <= depth);
    return ok({ items: found.slice(from, from + limit), next: from + limit < found.length ? String(from + limit) : null, truncated: this.truncated });
  }

  #operate(device: string, verb: string, body: Record<string, unknown>): Reply {
    const outcome = this.#outcome(verb, body);
    const faulty = outcome.failed !== undefined;
    const now = new Date().toISOString();
    const job: Job = { id: `j-${2000 + this.jobs.length}`, device, kind: verb as Job["kind"], priority: "person", state: faulty ? "failed" : "done", actor: "admin", created: now, updated: now, request: body as unknown as Job["request"], outcome };
    const results = resultsOf(outcome);
    if (results.some((result) => result.updated?.some((object) => object.errors?.length) || result.failures?.length)) job.state = "partial";
    if (results.some((result) => result.request)) {
      job.state = "accepted";
      setTimeout(() => Object.assign(job, { state: "done", outcome: { kind: "operate", results: [{ executed: String(body["command"]), output: { SuccessCount: "3", AverageResponseTime: "12" } }] } }), 1_000);
    }
    this.jobs.unshift(job);
    return { status: job.state === "accepted" ? 202 : 200, body: job };
  }

  #outcome(verb: string, body: Record<string, unknown>): Outcome {
    const objects = ((body as unknown as SetBody).objects ?? []);
    switch (verb) {
      case "get": return { kind: "get", results: (body["paths"] as string[]).map((path) => ({ requested: path, objects: this.#read(path) })) };
      case "set": return this.#set(objects, body["allow_partial"] === true);
      case "add": {
        const { path, params = [] } = objects[0]!;
        const bad = params.find((each) => each.param === "DNSServer" && !/^[\d.]+$/.test(each.value));
        if (bad) return { kind: "add", failed: { code: 7004, message: "Invalid arguments", params: [{ param: `${path}DNSServer`, code: 7012, message: "Not an IP address" }] } };
        const row = `${path}${2 + this.jobs.length}.`;
        for (const { param, value } of params) this.twin.set(row + param, { path: row + param, value, type: "string", writable: true, at: new Date().toISOString(), source: "written" });
        return { kind: "add", results: [{ requested: path, created: { path: row, unique_keys: Object.fromEntries(params.map(({ param, value }) => [param, value])), errors: [] } }] };
      }
      case "delete": {
        const [path] = body["paths"] as [string];
        for (const key of [...this.twin.keys()]) if (key.startsWith(path)) this.twin.delete(key);
        return { kind: "delete", results: [{ requested: path, affected: [path], unaffected: [] }] };
      }
      default: return { kind: "operate", results: [String(body["command"]).includes("IPPing") ? { executed: String(body["command"]), request: "Device.LocalAgent.Request.5." } : { executed: String(body["command"]), output: {} }] };
    }
  }

  #set(objects: SetBody["objects"], partial: boolean): Outcome {
    const refuses = (param: string, value: string) => param === "LocalTimeZone" && value === "bad";
    const faults = objects.flatMap(({ path, params = [] }) => params.filter(({ param, value }) => refuses(param, value)).map(({ param }) => ({ path, param, code: 7012, message: "Not a POSIX time zone" })));
    if (faults.length > 0 && !partial) return { kind: "set", failed: { code: 7021, message: "Set failed", params: faults.map(({ path, param, code, message }) => ({ param: path + param, code, message })) } };
    return {
      kind: "set",
      results: objects.map(({ path, params = [] }) => {
        const good = params.filter(({ param, value }) => !refuses(param, value));
        for (const { param, value } of good) this.twin.set(path + param, { ...this.twin.get(path + param)!, path: path + param, value, at: new Date().toISOString(), source: "written" });
        return { requested: path, updated: [{ path, params: Object.fromEntries(good.map(({ param, value }) => [param, value])), errors: faults.filter((fault) => fault.path === path) }] };
      }),
    };
  }

  #read(path: string): { path: string; params: Record<string, string> }[] {
    const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replaceAll("*", "\\d+")}$`);
    const found = new Map<string, Record<string, string>>();
    for (const item of this.twin.values()) {
      const object = item.path.slice(0, item.path.lastIndexOf(".") + 1);
      if (pattern.test(object)) found.set(object, { ...found.get(object), [item.path.slice(object.length)]: item.value });
    }
    return [...found].map(([object, params]) => ({ path: object, params }));
  }
}

const frame = (event: CuspEvent): string => `id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;

function send(response: ServerResponse, reply: Reply): void {
  if (reply.cookie) response.setHeader("Set-Cookie", reply.cookie);
  if (reply.body === undefined) return void response.writeHead(reply.status).end();
  response.writeHead(reply.status, { "Content-Type": reply.status < 400 ? "application/json" : "application/problem+json" }).end(JSON.stringify(reply.body));
}
