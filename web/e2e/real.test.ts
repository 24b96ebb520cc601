// The page, the real server and a real agent: one visit from the first sign-in to a value that changes by itself.
// The steps build on each other, so the first failure ends the visit.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from "vitest";
import { launch, tab, type Tab } from "./browser";
import { haveServer, RealServer } from "./server";

const PASSWORD = "a long enough password";
const CONTROLLER = "Device.LocalAgent.Controller.1.";
/** The agent's own state, so it is writable whatever the agent's policy for the system says. */
const WRITABLE = `${CONTROLLER}PeriodicNotifInterval`;
/** Onboarding reads the whole model of the machine. */
const ONBOARDING_MS = 60_000;

const present = haveServer();
if (!present) console.log("real.test.ts: there is no built server, so only the mock server was tried (set CUSP_BIN to insist)");

describe.runIf(present)("a first visit", () => {
  let browser: Browser;
  let server: RealServer;
  let current: Tab;
  let page: Page;
  let device = "";
  /** The row that the visit makes, and removes again. */
  let added = "";

  beforeAll(async () => {
    browser = await launch();
    server = new RealServer();
    await server.start();
    current = await tab(browser, { baseURL: server.url });
    page = current.page;
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const step = (name: string, run: () => Promise<void>) =>
    it(name, { timeout: 2 * ONBOARDING_MS }, async () => {
      onTestFailed(async () => console.log(`page: ${page?.url()}\n${await page?.locator("body").innerText()}\nerrors: ${current?.errors.join("; ")}\nserver:\n${server.serverOutput.slice(-4_000)}\nagent:\n${server.agentOutput.slice(-2_000)}`));
      await run();
      expect(current.errors).toEqual([]);
    });
  const node = (path: string) => page.locator(`[data-path="${path}"]`);
  const main = (name: string) => page.getByRole("navigation", { name: "Main" }).getByRole("link", { name });
  const tabOf = (name: string) => page.getByRole("navigation", { name: "Device" }).getByRole("link", { name });
  const deviceId = () => new URL(page.url()).pathname.split("/")[2]!;
  const open = async (path: string) => {
    await page.goto(`/devices/${deviceId()}/parameters?path=${encodeURIComponent(path)}`);
    await node(path).waitFor();
  };

  step("signs in by the link that the server printed, and chooses a password", async () => {
    await page.goto(server.link);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Once more").fill(PASSWORD);
    await page.getByRole("button", { name: "Save and continue" }).click();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    await page.locator("[data-live=live]").waitFor();
  });

  /** Tab, as a person without a mouse does it, until the wanted control has the focus. */
  const tabTo = async (label: RegExp) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
      if (label.test(focused)) return;
    }
    throw new Error(`no control ${label} was reached`);
  };
  /** Somebody else's write, past the page. */
  const setElsewhere = async (value: string) => {
    const answer = await page.request.post(`/api/v1/devices/${device}/set?wait=20s`, {
      headers: { "X-Cusp-Request": "1" },
      data: { objects: [{ path: CONTROLLER, params: [{ param: "PeriodicNotifInterval", value, required: true }] }] },
    });
    expect(answer.status()).toBe(200);
  };

  step("connects an agent with the text offered for pasting, and approves it without a mouse", async () => {
    await main("Connect a device").click();
    const configuration = await page.locator('pre[aria-label="agent.toml"]').textContent();
    server.startAgent(configuration ?? "");
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.getByLabel(/^Name for /).waitFor();
    await tabTo(/^Name for /);
    await page.keyboard.type("bench");
    await tabTo(/^Approve$/);
    await page.keyboard.press("Enter");
    await page.getByText("Nobody is waiting").waitFor();
    await main("Devices").click();
    const row = page.getByRole("row", { name: /bench/ });
    await row.getByText("online", { exact: true }).waitFor({ timeout: ONBOARDING_MS });
    await row.getByText("onboarding").waitFor({ state: "detached", timeout: ONBOARDING_MS });
    await row.getByRole("link", { name: "bench" }).click();
    await page.getByRole("heading", { name: "bench" }).waitFor();
    device = deviceId();
  });

  step("opens DeviceInfo and sees this machine's values", async () => {
    await tabOf("Parameters").click();
    await node("Device.DeviceInfo.").click();
    await page.keyboard.press("ArrowRight");
    const uptime = node("Device.DeviceInfo.UpTime").locator("[data-value]");
    await uptime.waitFor();
    // The unit stands behind the number.
    expect(Number.parseInt((await uptime.textContent()) ?? "", 10)).toBeGreaterThan(0);
    await node("Device.DeviceInfo.UpTime").click();
    await page.getByRole("tree").focus();
    await page.keyboard.press("r");
    await page.getByRole("complementary").locator("dd", { hasText: /now\s*· read/ }).waitFor();
  });

  step("changes a parameter, after a value that is none was refused on the page", async () => {
    await open(WRITABLE);
    const field = page.getByLabel("Value of PeriodicNotifInterval");
    await field.fill("soon");
    await page.getByText("A whole number").waitFor();
    await field.fill("7200");
    await page.keyboard.press("Enter");
    await node(WRITABLE).getByText("7200").waitFor();
    await page.getByRole("complementary").getByRole("status").getByText("Set", { exact: true }).waitFor();
  });

  step("adds a subscription from the form of the schema", async () => {
    await open("Device.LocalAgent.Subscription.");
    await page.getByRole("button", { name: "Add row…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("ID", { exact: true }).fill("from-the-page");
    await dialog.getByLabel("NotifType", { exact: true }).selectOption("ValueChange");
    await dialog.getByLabel("ReferenceList", { exact: true }).fill(WRITABLE);
    await dialog.getByLabel("Enable", { exact: true }).selectOption("true");
    await dialog.getByRole("button", { name: "Add row" }).click();
    await dialog.getByText("created").waitFor();
    await page.keyboard.press("Escape");
    const row = page.locator('[data-path^="Device.LocalAgent.Subscription."][aria-selected=true]');
    await row.waitFor();
    added = (await row.getAttribute("data-path")) ?? "";
    expect(added).toMatch(/^Device\.LocalAgent\.Subscription\.\d+\.$/);
  });

  step("sees a value change that somebody else made, without touching the page", async () => {
    await open(WRITABLE);
    await page.locator("[data-live=live]").waitFor();
    await node(WRITABLE).getByText("7200").waitFor();
    await setElsewhere("7300");
    await node(WRITABLE).getByText("7300").waitFor();
    await tabOf("Events").click();
    await page.getByRole("list", { name: "Events" }).getByText(`${WRITABLE} = 7300`).first().waitFor();
  });

  step("runs a command and sees its end", async () => {
    await open("Device.IP.Diagnostics.IPPing()");
    await page.getByRole("complementary").getByRole("button", { name: "Run…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Host", { exact: true }).fill("127.0.0.1");
    // All of these are mandatory in TR-181.
    await dialog.getByLabel("ProtocolVersion", { exact: true }).selectOption("Any");
    for (const [name, value] of [["NumberOfRepetitions", "1"], ["Timeout", "1000"], ["DataBlockSize", "64"]] as const)
      await dialog.getByLabel(name, { exact: true }).fill(value);
    await dialog.getByRole("button", { name: "Run" }).click();
    // Without the right to ping, the agent says so with 7002; both are an end that the page must show.
    await dialog.getByText("SuccessCount").or(dialog.getByText("(7002)")).first().waitFor({ timeout: ONBOARDING_MS });
    await page.keyboard.press("Escape");
  });

  step("finds a parameter by a part of its name, and leaves the search", async () => {
    await open("Device.DeviceInfo.");
    await page.keyboard.press("/");
    await page.keyboard.type("periodicnotifint");
    await node(WRITABLE).getByText("7300").waitFor();
    await page.getByRole("status").getByText("1 found").or(page.getByText("1 found")).first().waitFor();
    expect(await node("Device.DeviceInfo.UpTime").count()).toBe(0);
    await page.keyboard.press("Escape");
    await node("Device.DeviceInfo.").waitFor();
    await node(WRITABLE).waitFor({ state: "detached" });
  });

  step("shows an event of the device the moment it happens", async () => {
    await main("Events").click();
    await page.locator("[data-live=live]").waitFor();
    const line = page.getByRole("list", { name: "Events" }).getByRole("listitem").filter({ hasText: `${WRITABLE} = 7400` });
    expect(await line.count()).toBe(0);
    await setElsewhere("7400");
    await line.first().waitFor();
    await line.first().getByRole("link", { name: "bench" }).click();
    await page.getByRole("heading", { name: "bench" }).waitFor();
  });

  step("deletes the subscription that it added", async () => {
    await open(added);
    await page.getByRole("tree").focus();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete row" }).click();
    await node(added).waitFor({ state: "detached" });
    // The device itself no longer has it.
    const answer = await page.request.post(`/api/v1/devices/${device}/instances?wait=20s`, { headers: { "X-Cusp-Request": "1" }, data: { paths: ["Device.LocalAgent.Subscription."], first_level_only: true } });
    const left = JSON.stringify(((await answer.json()) as { outcome: unknown }).outcome);
    expect(left).toContain("Device.LocalAgent.Subscription.");
    expect(left).not.toContain(`"${added}"`);
  });

  step("comes back by itself after the server was restarted", async () => {
    await open(WRITABLE);
    await node(WRITABLE).getByText("7400").waitFor();
    await server.restart(() => page.locator("[data-live=offline], [data-live=connecting]").first().waitFor());
    await page.locator("[data-live=live]").waitFor({ timeout: ONBOARDING_MS });
    await page.getByRole("banner").or(page.locator("header")).first().getByText("online", { exact: true }).waitFor({ timeout: ONBOARDING_MS });
    await setElsewhere("7500");
    // A read of the tree, because the subscription to the value is gone.
    await page.getByRole("tree").focus();
    await page.keyboard.press("r");
    await node(WRITABLE).getByText("7500").waitFor();
  });

  step("is dark where the system is", async () => {
    await main("Devices").click();
    await page.getByRole("row", { name: /bench/ }).waitFor();
    const brightness = () => page.evaluate(() => {
      const pixel = document.createElement("canvas").getContext("2d")!;
      const of = (colour: string) => {
        pixel.fillStyle = colour;
        pixel.fillRect(0, 0, 1, 1);
        return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3).reduce((sum, part) => sum + part, 0) / 3;
      };
      const style = getComputedStyle(document.body);
      return { ground: of(style.backgroundColor), text: of(style.color) };
    });
    const light = await brightness();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await brightness();
    expect(light.ground).toBeGreaterThan(200);
    expect(light.text).toBeLessThan(90);
    expect(dark.ground).toBeLessThan(60);
    expect(dark.text).toBeGreaterThan(200);
    await page.emulateMedia({ colorScheme: "light" });
  });

  step("lists all of it as jobs", async () => {
    await page.goto(`/devices/${device}`);
    await tabOf("Jobs").click();
    for (const kind of ["operate", "add", "set", "delete"]) await page.getByRole("button", { name: kind, exact: true }).first().waitFor();
  });
});
