// The page in a real browser against the mock server: sign-in, enrolment, lists, live updates.
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch, tab, type Tab } from "./browser";
import { MAIN, pending, PLAIN } from "./mock-data";
import { LINK, Mock, PASSWORD } from "./mock";

const PROOF = pending().find(({ endpoint }) => endpoint.includes("HX3009911"))!.fingerprint!;

let browser: Browser;
let mock: Mock;
let current: Tab | undefined;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser?.close());
beforeEach(async () => {
  mock = await new Mock().start();
});
afterEach(async () => {
  expect(current?.errors ?? []).toEqual([]);
  await current?.page.context().close();
  current = undefined;
  mock.stop();
});

async function open(path: string, signedIn = true, width = 1360) {
  current = await tab(browser, { baseURL: mock.url, cookie: signedIn ? mock.signIn() : undefined, width });
  await current.page.goto(path);
  return current.page;
}

describe("sign-in", () => {
  it.each([`/sign-in?link=${LINK}`, `/#/link/${LINK}`])("by one-time link %s, then chooses a password", async (path) => {
    const page = await open(path, false);
    await page.getByRole("heading", { name: "Choose a password" }).waitFor();
    expect(await page.locator("form").getByText("admin").isVisible()).toBe(true);
    await page.getByLabel("Password", { exact: true }).fill("short");
    await page.getByLabel("Once more").fill("short");
    await page.getByRole("button", { name: "Save and continue" }).click();
    expect(mock.passwordSet).toBe(false);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Once more").fill(PASSWORD);
    await page.getByRole("button", { name: "Save and continue" }).click();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    expect(mock.passwordSet).toBe(true);
    expect(page.url()).not.toContain(LINK);
  });

  it("says that a link was used, and still offers the password", async () => {
    mock.linkUsed = true;
    const page = await open(`/sign-in?link=${LINK}`, false);
    await page.getByRole("alert").getByText("has been used or has expired").waitFor();
    expect(await page.getByLabel("User").isEditable()).toBe(true);
  });

  it("refuses a wrong password, then goes where one wanted to go", async () => {
    mock.passwordSet = true;
    const page = await open("/jobs", false);
    await page.getByLabel("User").fill("admin");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("Wrong user or password").waitFor();
    await page.getByLabel("Password").fill(PASSWORD);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
  });

  it("returns to the sign-in when the session has ended", async () => {
    const page = await open("/devices");
    await page.getByRole("table", { name: "Devices" }).waitFor();
    mock.session = "another";
    await page.getByRole("link", { name: "Refused" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });
});

describe("devices", () => {
  it("searches from the keyboard, and opens a device without a mouse", async () => {
    const page = await open("/devices");
    await page.getByRole("link", { name: "workbench" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("sim00012");
    await page.getByText("1 shown").waitFor();
    await page.waitForURL(/q=sim00012/);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "cpe-012" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "cpe-012" }).waitFor();
  });

  it("pages by cursor, sorts on the server, and moves between rows with the arrow keys", async () => {
    const page = await open("/devices");
    await page.getByRole("button", { name: "Show more" }).click();
    await page.getByText("141 shown").waitFor();
    await page.getByRole("button", { name: "Serial" }).click();
    await page.waitForURL(/sort=serial/);
    await page.getByRole("button", { name: "Serial" }).click();
    await page.waitForURL(/sort=-serial/);
    const first = page.getByRole("table").getByRole("link").first();
    await page.getByRole("row", { name: /VB-2219-0041/ }).waitFor();
    await first.focus();
    await page.keyboard.press("ArrowDown");
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("os::0C8DDB-SIM00139");
  });

  it("shows presence as it changes, and resumes after a broken stream", async () => {
    const page = await open("/devices");
    const row = page.getByRole("row", { name: /workbench/ });
    await row.getByText("online").waitFor();
    await page.locator("[data-live=live]").waitFor();
    mock.emit({ kind: "offline", device: MAIN });
    await row.getByText("offline").waitFor();
    const seen = String(mock.events[0]!.seq);
    mock.dropStreams();
    mock.emit({ kind: "online", device: MAIN });
    await row.getByText("online").waitFor();
    expect(mock.resumed).toEqual([undefined, seen]);
  });

  it("counts times from now, also on a page that comes after one without any", async () => {
    const page = await open("/connect");
    await page.getByLabel("agent.toml").waitFor();
    await page.clock.install();
    await page.clock.fastForward(120_000);
    await page.getByRole("link", { name: "Devices", exact: true }).click();
    // At once, not at the clock's next tick.
    expect(await page.getByRole("row", { name: /workbench/ }).textContent()).toContain("2 min ago");
  });

  it("says how a device is reached through a broker, where there is one", async () => {
    const page = await open("/connect");
    await page.getByRole("tab", { name: "MQTT" }).click();
    await page.getByText("usp/controllers/self::cusp-controller", { exact: true }).waitFor();
    expect(await page.getByLabel("OB-USP-AGENT: factory-reset.txt").textContent()).toContain("broker.example.com");
    expect(await page.getByLabel("cusp-agent: agent.toml").textContent()).toContain("[controller.mqtt]");
    await page.getByRole("tab", { name: "STOMP" }).click();
    await page.getByText("/queue/usp.controllers.self::cusp-controller", { exact: true }).waitFor();
    expect(await page.getByLabel("cusp-agent: agent.toml").textContent()).toContain("[controller.stomp]");
    mock.connect = PLAIN;
    const plain = await open("/connect");
    await plain.getByLabel("agent.toml").waitFor();
    expect(await plain.getByRole("tab", { name: "MQTT" }).count()).toBe(0);
  });

  it("marks unproven devices, and warns of a plaintext listener", async () => {
    mock.connect = PLAIN;
    const page = await open("/devices");
    await page.getByRole("row", { name: /SIM00003/ }).getByText("unproven").waitFor();
    await page.getByRole("alert").getByText("A listener without TLS").waitFor();
  });
});

describe("enrolment", () => {
  it("approves one with a name, rejects another after asking, and approves the rest as a batch", async () => {
    const page = await open("/pending");
    await page.getByLabel("Name for os::0C8DDB-HX3009911").fill("roof");
    await page.getByRole("row", { name: /HX3009911/ }).getByRole("button", { name: "Approve" }).click();
    await page.getByText("os::0C8DDB-HX3009911 approved").waitFor();
    await page.getByRole("row", { name: /fw-bench-2/ }).getByRole("button", { name: "Reject" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
    await page.getByText("proto::fw-bench-2 rejected").waitFor();
    await page.getByLabel("Select all").check();
    await page.getByRole("button", { name: "Approve 1" }).click();
    await page.getByText("Nobody is waiting").waitFor();
    expect(mock.calls).toEqual([
      { method: "POST", path: "/pending/os%3A%3A0C8DDB-HX3009911/approve", body: { fingerprint: PROOF, name: "roof" } },
      { method: "POST", path: "/pending/proto%3A%3Afw-bench-2/reject", body: {} },
      { method: "POST", path: "/pending/uuid%3A%3A6a1de0c2-53e4-4f0a-9c02-0a30ee4b5a11/approve", body: { fingerprint: "plain" } },
    ]);
  });

  it.each([390, 1280])("keeps every decision in sight at a width of %i", async (width) => {
    const page = await open("/pending", true, width);
    await page.getByText("os::0C8DDB-HX3009911").waitFor();
    for (const button of await page.getByText("Reject", { exact: true }).all()) {
      const box = await button.boundingBox();
      expect(box!.x + box!.width).toBeLessThanOrEqual(width);
    }
  });

  it("does not approve a device that came with another certificate meanwhile, and says what changed", async () => {
    const page = await open("/pending");
    current!.refusals.add(409);
    const row = page.getByRole("row", { name: /HX3009911/ });
    await row.waitFor();
    const other = "b".repeat(64);
    Object.assign(mock.pending.find(({ endpoint }) => endpoint.includes("HX3009911"))!, { fingerprint: other, changed: true });
    await row.getByRole("button", { name: "Approve" }).click();
    await row.getByRole("alert").getByText("Not approved").waitFor();
    expect(await row.getByRole("alert").textContent()).toContain(`it came with ${other} meanwhile, and you had seen ${PROOF}`);
    await row.getByText("changed", { exact: true }).waitFor();
    await row.getByRole("button", { name: "Approve" }).click();
    await page.getByText("os::0C8DDB-HX3009911 approved").waitFor();
    expect(mock.calls.map(({ body }) => body)).toEqual([{ fingerprint: PROOF }, { fingerprint: other }]);
  });

  it("makes a token and writes it into the configuration to paste", async () => {
    const page = await open("/connect");
    await page.getByLabel("agent.toml").getByText("wss://192.0.2.10:8183/usp").waitFor();
    expect(await page.getByLabel("agent.toml").textContent()).not.toContain("token");
    await page.getByRole("button", { name: "Create token" }).click();
    await page.getByLabel("agent.toml").getByText("ce_4QmZ$&9vTt").waitFor();
    await page.getByRole("tab", { name: "OB-USP-AGENT" }).click();
    await page.getByLabel("factory-reset.txt").getByText("Device.LocalAgent.Controller.1.EndpointID").waitFor();
    expect(mock.calls[0]).toEqual({ method: "POST", path: "/enrolments", body: { ttl: "1h", uses: 1 } });
  });

  it("has the server dial a device, shows when it answers, and stops dialling", async () => {
    const page = await open("/connect");
    await page.locator("[data-live=live]").waitFor();
    await page.getByLabel("Endpoint of the device").fill("os::00AA11-0041");
    await page.getByLabel("URL where it listens").fill("http://192.0.2.7");
    await page.getByText("Begins with ws:// or wss://").waitFor();
    expect(await page.getByRole("button", { name: "Dial" }).isDisabled()).toBe(true);
    await page.getByLabel("URL where it listens").fill("ws://192.0.2.7:5684/usp");
    await page.keyboard.press("Enter");
    const row = page.getByRole("list", { name: "Dialled devices" }).getByRole("listitem");
    await row.getByText("dialling, no answer yet").waitFor();
    await row.getByText("ws://192.0.2.7:5684/usp").waitFor();
    mock.devices.find(({ id }) => id === "d-dialled")!.online = true;
    mock.emit({ kind: "online", device: "d-dialled" });
    await row.getByText("online").waitFor();
    await row.getByRole("button", { name: "Stop dialling os::00AA11-0041" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop dialling" }).click();
    await row.waitFor({ state: "detached" });
    expect(mock.calls).toEqual([
      { method: "POST", path: "/devices", body: { endpoint: "os::00AA11-0041", connect: "ws://192.0.2.7:5684/usp" } },
      { method: "DELETE", path: "/devices/d-dialled/dial", body: {} },
    ]);
  });

  it("revokes a certificate with its reason, and lists it as revoked", async () => {
    const page = await open("/certificates");
    await page.getByRole("row", { name: /workbench/ }).getByText("our CA").waitFor();
    expect(await page.getByText("cpe-026").count()).toBe(0);
    await page.getByRole("button", { name: "Revoke the certificate of workbench" }).click();
    await page.getByLabel("Why").selectOption("The device is out of service");
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("link", { name: "workbench" }).waitFor({ state: "detached" });
    expect(mock.calls).toEqual([{ method: "POST", path: `/certificates/${PROOF}/revoke`, body: { reason: "cessation" } }]);
    await page.getByLabel("Which certificates").selectOption("that are revoked");
    await page.getByRole("row", { name: /workbench/ }).getByText("The device is out of service").waitFor();
    await page.getByRole("row", { name: /cpe-026/ }).getByText("Its key is known to others").waitFor();
  });

  it("takes a pasted list of devices to expect, and forgets one again", async () => {
    const page = await open("/expected");
    await page.getByRole("row", { name: /SN-2219-0042/ }).getByText("serial number").waitFor();
    await page.getByRole("button", { name: "Expect devices…" }).click();
    await page.getByLabel(/One device a line/).fill("kitchen, too, much, to say");
    await page.getByRole("button", { name: "Expect them" }).click();
    await page.getByText("Line 1 has more than a device, a name and a tag").waitFor();
    await page.getByLabel(/One device a line/).fill("os::00AA11-77, attic\nSN-9");
    await page.getByRole("button", { name: "Expect them" }).click();
    await page.getByRole("row", { name: /os::00AA11-77/ }).getByText("attic").waitFor();
    await page.getByRole("button", { name: "Expect SN-2219-0042 no more" }).click();
    await page.getByRole("row", { name: /SN-2219-0042/ }).waitFor({ state: "detached" });
    expect(mock.calls).toEqual([
      { method: "POST", path: "/expected", body: { devices: [{ endpoint: "os::00AA11-77", name: "attic" }, { serial: "SN-9" }] } },
      { method: "DELETE", path: "/expected/SN-2219-0042", body: {} },
    ]);
  });

  it("tells who was refused and why", async () => {
    const page = await open("/refused");
    await page.getByRole("cell", { name: "A second plain connection while the first still answers a ping" }).waitFor();
  });
});

describe("activity", () => {
  it("shows a job's partial success level by level, and cancels a queued one", async () => {
    const page = await open("/jobs");
    await page.getByRole("button", { name: "set", exact: true }).click();
    await page.getByText("Device.IP.Interface.2.MaxMTUSize").waitFor();
    await page.getByText("The value is outside 64 to 65535").waitFor();
    await page.getByText("(7012)").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("row", { name: /SIM00001/ }).getByText("cancelled").waitFor();
  });

  it("holds events while paused, and shows them afterwards", async () => {
    const page = await open("/events");
    await page.locator("[data-live=live]").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    mock.emit({ kind: "event", device: MAIN, path: "Device.Held!", params: {} });
    await page.getByRole("button", { name: "Resume (1)" }).waitFor();
    expect(await page.getByText("Device.Held!").count()).toBe(0);
    await page.getByRole("button", { name: "Resume (1)" }).click();
    await page.getByText("Device.Held!").waitFor();
  });

  it("switches tracing", async () => {
    const page = await open(`/devices/${MAIN}/trace`);
    await page.getByText("OperateResp").waitFor();
    await page.getByRole("switch").click();
    await page.getByText("Tracing is off").waitFor();
    expect(mock.calls).toEqual([{ method: "PUT", path: `/devices/${MAIN}/trace`, body: { enabled: false } }]);
  });
});

describe("data models", () => {
  it("leads to the sign-in when the session has ended", async () => {
    const page = await open("/devices");
    await page.getByRole("table", { name: "Devices" }).waitFor();
    mock.session = "another";
    await page.getByRole("button", { name: "admin" }).click();
    await page.getByRole("menuitem", { name: "Data models" }).click();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  it("imports a file, says why another is none, and removes it again", async () => {
    const page = await open("/devices");
    await page.getByRole("button", { name: "admin" }).click();
    await page.getByRole("menuitem", { name: "Data models" }).click();
    await page.getByText("No data model imported").waitFor();
    current!.refusals.add(422);
    const upload = (text: string) => page.getByLabel("Data-model file").setInputFiles({ name: "model.xml", mimeType: "text/xml", buffer: Buffer.from(text) });
    await upload("<html/>");
    await page.getByRole("alert").getByText("There is no model in this file").waitFor();
    await upload('<document><model name="Device:2.19"/></document>');
    await page.getByText("8,849 definitions").waitFor();
    await page.getByRole("row", { name: /Device 2\.19/ }).getByRole("button", { name: "Remove Device 2.19" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove model" }).click();
    await page.getByText("No data model imported").waitFor();
    expect(mock.calls.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /datamodels", "POST /datamodels", "DELETE /datamodels/m1"]);
  });
});

describe("frame", () => {
  it("keeps the chosen theme", async () => {
    const page = await open("/devices");
    const canvas = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await canvas();
    await page.getByRole("button", { name: "Theme: as the system" }).click();
    await page.getByRole("button", { name: "Theme: light" }).click();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    expect(await canvas()).not.toBe(light);
    await page.reload();
    await page.getByRole("button", { name: "Theme: dark" }).waitFor();
    expect(await canvas()).not.toBe(light);
  });

  it("goes to a page by keys, and closes a dialog with Escape", async () => {
    const page = await open("/devices");
    await page.getByRole("link", { name: "workbench" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    await page.goto(`/devices/${MAIN}`);
    await page.getByRole("button", { name: "Name and tags" }).click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("fits a narrow window without scrolling sideways", async () => {
    const page = await open(`/devices/${MAIN}`, true, 420);
    await page.getByRole("heading", { name: "workbench" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true);
  });
});
