// The real server and a real agent, in a folder that is thrown away.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const RELEASE = resolve(import.meta.dirname, "../../target/release");
export const CUSP = resolve(process.env["CUSP_BIN"] ?? join(RELEASE, "cusp"));
export const AGENT = resolve(process.env["CUSP_AGENT_BIN"] ?? join(RELEASE, "cusp-agent"));
const START_MS = 30_000;
const MOST_TRIES = 10;

/** Real tests run whenever there is a server to run. A server named by `CUSP_BIN` must work; the default one may not have been built. */
export function haveServer(): boolean {
  if (process.env["CUSP_BIN"]) return true;
  if (!existsSync(CUSP) || !existsSync(AGENT)) return false;
  return /\bserve\b/.test(spawnSync(CUSP, ["--help"], { encoding: "utf8" }).stdout ?? "");
}

/** A child process with its output kept, for finding the sign-in link and for saying why it failed. */
export class Child {
  output = "";
  #process: ChildProcess;
  #ended: Promise<void>;

  constructor(command: string, args: string[], folder: string, env: Record<string, string>) {
    this.#process = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) stream?.on("data", (data: Buffer) => (this.output += data.toString()));
    this.#ended = new Promise((done) => {
      this.#process.once("exit", () => done());
      this.#process.once("error", (error) => {
        this.output += `\n${error.message}`;
        done();
      });
    });
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  async stop(): Promise<void> {
    if (!this.running) return;
    this.#process.kill("SIGTERM");
    const kill = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(kill);
  }
}

/** Asks until there is an answer. The condition decides; the time only bounds how long a broken build takes to fail. */
export async function until<T>(what: string, ask: () => T | undefined, child?: Child): Promise<T> {
  const deadline = Date.now() + START_MS;
  for (;;) {
    const answer = ask();
    if (answer !== undefined) return answer;
    if (child && !child.running) throw new Error(`${what}: the process has ended\n${child.output}`);
    if (Date.now() > deadline) throw new Error(`${what}: not within ${START_MS / 1000} s\n${child?.output ?? ""}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class RealServer {
  readonly folder = mkdtempSync(join(tmpdir(), "cusp-e2e-"));
  readonly data = join(this.folder, "data");
  url = "";
  link = "";
  #server: Child | undefined;
  #listeners: Record<string, string> = {};
  #agent: Child | undefined;

  async start(): Promise<this> {
    const server = await this.#serveSomewhere();
    this.url = `http://${this.#listeners["http"]}`;
    const printed = await until("the sign-in link", () => /https?:\/\/\S+?((?:\/sign-in\?link=|\/?#\/link\/)[^\s"']+)/.exec(stripColour(server.output))?.[1], server);
    this.link = printed.startsWith("/") ? printed : `/${printed}`;
    return this;
  }

  /** Ends the server, runs what is to happen meanwhile, and starts it again at the same addresses with the same data. */
  async restart(meanwhile: () => Promise<unknown>): Promise<void> {
    await this.#server?.stop();
    rmSync(join(this.data, "listeners.json"), { force: true });
    await meanwhile();
    await this.#serve(this.#listeners);
  }

  /** On ports below those that the system gives to outgoing connections, so that a restart finds them free. */
  async #serveSomewhere(): Promise<Child> {
    for (let tries = 1; ; tries += 1) {
      const [http, websocket] = [randomInt(20_000, 25_000), randomInt(25_000, 30_000)];
      try {
        return await this.#serve({ http: `127.0.0.1:${http}`, "usp.websocket": `127.0.0.1:${websocket}` });
      } catch (cause) {
        if (tries === MOST_TRIES || !String(cause).includes("in use")) throw cause;
      }
    }
  }

  async #serve(listen: Record<string, string>): Promise<Child> {
    const server = new Child(CUSP, ["serve", "--data", this.data], this.folder, { CUSP_HTTP_LISTEN: listen["http"]!, CUSP_USP_WEBSOCKET_LISTEN: listen["usp.websocket"]! });
    this.#server = server;
    this.#listeners = await until("listeners.json", () => readJson(join(this.data, "listeners.json")), server);
    return server;
  }

  /** Starts the agent with the text that the page offers for pasting. */
  startAgent(configuration: string): void {
    const file = join(this.folder, "agent.toml");
    // The pasted text as it is, but for where the agent keeps its state: never the system's own folder.
    writeFileSync(file, `data_dir = ${JSON.stringify(join(this.folder, "agent"))}\n${configuration}`);
    this.#agent = new Child(AGENT, ["--config", file], this.folder, { HOME: this.folder, XDG_STATE_HOME: join(this.folder, "state") });
  }

  get agentOutput(): string {
    return this.#agent?.output ?? "";
  }

  get serverOutput(): string {
    return this.#server?.output ?? "";
  }

  async stop(): Promise<void> {
    await this.#agent?.stop();
    await this.#server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const stripColour = (text: string): string => text.replace(/\x1b\[[0-9;]*m/g, "");

function readJson(file: string): Record<string, string> | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
  } catch {
    return undefined;
  }
}
