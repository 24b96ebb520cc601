// The parameter tree in a real browser against the mock server.
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch, tab, type Tab } from "./browser";
import { MAIN } from "./mock-data";
import { Mock } from "./mock";

let browser: Browser;
let mock: Mock;
let current: Tab;
let page: Page;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => browser?.close());
beforeEach(async () => {
  mock = await new Mock().start();
  current = await tab(browser, { baseURL: mock.url, cookie: mock.signIn() });
  page = current.page;
});
afterEach(async () => {
  expect(current.errors).toEqual([]);
  await page.context().close();
  mock.stop();
});

const open = async (path = "") => {
  await page.goto(`/devices/${MAIN}/parameters${path && `?path=${path}`}`);
  await page.getByRole("tree").waitFor();
};
const node = (path: string) => page.locator(`[data-path="${path}"]`);

describe("browsing", () => {
  it("opens lazily, by keyboard alone", async () => {
    await open();
    await page.getByRole("tree").focus();
    const keys = async (...pressed: string[]) => {
      for (const key of pressed) await page.keyboard.press(key);
    };
    await keys("Shift+D", "Shift+D", "Shift+D");
    await page.locator('[aria-selected=true][data-path^="Device.D"]').waitFor();
    await node("Device.DeviceInfo.").click();
    await keys("ArrowRight");
    await node("Device.DeviceInfo.ModelName").getByText("Linux host").waitFor();
    await keys("ArrowDown");
    expect(await node("Device.DeviceInfo.FirstUseDate").getAttribute("aria-selected")).toBe("true");
    await keys("ArrowLeft", "ArrowLeft");
    await node("Device.DeviceInfo.ModelName").waitFor({ state: "detached" });
    expect(await node("Device.DeviceInfo.").getAttribute("aria-expanded")).toBe("false");
    expect(mock.calls).toEqual([]);
  });

  it("says when the server keeps only a part of the values", async () => {
    await open("Device.DeviceInfo.ModelName");
    await node("Device.DeviceInfo.ModelName").waitFor();
    expect(await page.getByRole("note").count()).toBe(0);
    mock.truncated = true;
    await open("Device.DeviceInfo.ModelName");
    await page.getByRole("note").getByText("more values than the server keeps").waitFor();
  });

  it("draws only the rows in view of a long table", async () => {
    await open("Device.DeviceInfo.ProcessStatus.Process.1.");
    await node("Device.DeviceInfo.ProcessStatus.Process.1.").waitFor();
    await page.getByRole("tree").focus();
    await page.keyboard.press("End");
    await node("Device.Time.").waitFor();
    expect(await page.getByRole("treeitem").count()).toBeLessThan(90);
  });

  it("finds a parameter anywhere, and leaves the search with Escape", async () => {
    await open();
    await page.keyboard.press("/");
    await page.keyboard.type("dnsserver");
    await node("Device.DNS.Client.Server.1.DNSServer").getByText("192.0.2.53").waitFor();
    await page.keyboard.press("Escape");
    await node("Device.DNS.Client.Server.1.DNSServer").waitFor({ state: "detached" });
  });

  it("asks the device for a node on r, and shows a value that changes by itself", async () => {
    await open("Device.DeviceInfo.UpTime");
    await node("Device.DeviceInfo.UpTime").getByText("276480").waitFor();
    await page.locator("[data-live=live]").waitFor();
    mock.twin.get("Device.DeviceInfo.UpTime")!.value = "276999";
    await page.getByRole("tree").focus();
    await page.keyboard.press("r");
    await node("Device.DeviceInfo.UpTime").getByText("276999").waitFor();
    expect(mock.calls[0]).toMatchObject({ path: `/devices/${MAIN}/get`, body: { paths: ["Device.DeviceInfo."], max_depth: 1 } });
    await page.getByRole("complementary").locator("dd", { hasText: /now\s*· read/ }).waitFor();
    mock.emit({ kind: "value_change", device: MAIN, path: "Device.DeviceInfo.UpTime", params: { "Device.DeviceInfo.UpTime": "277001" } });
    await node("Device.DeviceInfo.UpTime").getByText("277001").waitFor();
  });

  it("takes away a row that the device says is gone", async () => {
    await open("Device.Hosts.Host.1.");
    await node("Device.Hosts.Host.1.").waitFor();
    await page.locator("[data-live=live]").waitFor();
    mock.emit({ kind: "object_deletion", device: MAIN, path: "Device.Hosts.Host.1." });
    await node("Device.Hosts.Host.1.").waitFor({ state: "detached" });
    await page.getByText("No rows").waitFor();
  });

  it("never shows a secured value", async () => {
    await open("Device.DeviceInfo.X_Secret");
    await node("Device.DeviceInfo.X_Secret").getByText("••••").waitFor();
    expect(await page.getByLabel("Value of X_Secret").getAttribute("type")).toBe("password");
  });
});

describe("writing", () => {
  it("checks the range, then sets the value", async () => {
    await open("Device.IP.Interface.2.MaxMTUSize");
    await node("Device.IP.Interface.2.MaxMTUSize").waitFor();
    await page.getByRole("tree").focus();
    await page.keyboard.press("Enter");
    const field = page.getByLabel("Value of MaxMTUSize");
    await field.fill("70000");
    await page.getByText("From 64 to 65535").waitFor();
    expect(await page.getByRole("button", { name: "Set", exact: true }).isDisabled()).toBe(true);
    await field.fill("1400");
    await page.keyboard.press("Enter");
    await page.getByRole("status").getByText("Set", { exact: true }).waitFor();
    await node("Device.IP.Interface.2.MaxMTUSize").getByText("1400").waitFor();
    expect(mock.calls[0]).toEqual({ method: "POST", path: `/devices/${MAIN}/set`, body: { objects: [{ path: "Device.IP.Interface.2.", params: [{ param: "MaxMTUSize", value: "1400", required: true }] }], allow_partial: false } });
  });

  it("shows what the server refused before the device saw it", async () => {
    current.refusals.add(400);
    await open("Device.DeviceInfo.ProvisioningCode");
    await page.getByLabel("Value of ProvisioningCode").fill("refused");
    await page.getByRole("button", { name: "Set", exact: true }).click();
    await page.getByRole("complementary").getByText("The model forbids it (7012)").waitFor();
  });

  it("offers what fits the type", async () => {
    await open("Device.Ethernet.Interface.1.DuplexMode");
    await page.getByLabel("Value of DuplexMode").selectOption("Half");
    await node("Device.Ethernet.Interface.1.Enable").click();
    await page.getByRole("radio", { name: "true" }).waitFor();
    expect(await page.getByRole("radio", { name: "true" }).isChecked()).toBe(true);
    await open("Device.LocalAgent.SupportedProtocols");
    await page.getByRole("checkbox", { name: "MQTT" }).waitFor();
    expect(await page.getByRole("checkbox", { name: "MQTT" }).isChecked()).toBe(true);
  });

  it("collects changes, and shows partial success with the code", async () => {
    await open("Device.Time.LocalTimeZone");
    await page.getByLabel("Value of LocalTimeZone").fill("bad");
    await page.getByRole("button", { name: "Add to changes" }).click();
    await node("Device.Time.Enable").click();
    await page.getByText("false", { exact: true }).last().click();
    await page.getByRole("button", { name: "Add to changes" }).click();
    const collected = page.getByRole("region", { name: "Collected changes" });
    await collected.getByText("2 changes to send").waitFor();
    await collected.getByLabel("Keep what works if some fails").check();
    await collected.getByRole("button", { name: "Send" }).click();
    await collected.getByText("partial").waitFor();
    await collected.getByText("Not a POSIX time zone (7012)").waitFor();
    await node("Device.Time.Enable").getByText("false").waitFor();
    await collected.getByText("1 change to send").waitFor();
  });

  it("adds a row from a form, showing the refused parameter, and deletes it again", async () => {
    await open("Device.DNS.Client.Server.");
    await page.getByRole("button", { name: "Add row…" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("DNSServer").fill("not-an-address");
    await dialog.getByRole("button", { name: "Add row" }).click();
    await dialog.getByText("Not an IP address (7012)").first().waitFor();
    await dialog.getByLabel("DNSServer").fill("192.0.2.54");
    await dialog.getByRole("button", { name: "Add row" }).click();
    await dialog.getByText("created").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    const row = page.locator('[data-path^="Device.DNS.Client.Server."][aria-selected=true]');
    await row.waitFor();
    const path = await row.getAttribute("data-path");
    await page.getByRole("tree").focus();
    await page.keyboard.press("Delete");
    await page.getByRole("dialog").getByRole("button", { name: "Delete row" }).click();
    await node(path!).waitFor({ state: "detached" });
  });

  it("runs a command that takes its time, and shows its output", async () => {
    await open("Device.IP.Diagnostics.IPPing()");
    await page.getByRole("complementary").getByRole("button", { name: "Run…" }).click();
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByRole("button", { name: "Run" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Host").fill("192.0.2.1");
    await dialog.getByRole("button", { name: "Run" }).click();
    await dialog.getByText("accepted").waitFor();
    await dialog.getByText("SuccessCount").waitFor();
    await dialog.getByText("done").first().waitFor();
    expect(mock.calls[0]).toMatchObject({ path: `/devices/${MAIN}/operate`, body: { command: "Device.IP.Diagnostics.IPPing()", args: { Host: "192.0.2.1" } } });
  });
});
