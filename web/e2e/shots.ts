// Screenshots of every page, light and dark, for people to look at. Run by `SHOTS=folder npm run e2e`.
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch, tab } from "./browser";
import { MAIN } from "./mock-data";
import { Mock } from "./mock";

const folder = process.env["SHOTS"] ?? "shots";
const PAGES: [name: string, path: string, ready: string][] = [
  ["devices", "/devices", "table"],
  ["pending", "/pending", "table"],
  ["expected", "/expected", "table"],
  ["refused", "/refused", "table"],
  ["certificates", "/certificates", "table"],
  ["connect", "/connect", "pre"],
  ["jobs", "/jobs", "table"],
  ["events", "/events", "ol"],
  ["tokens", "/tokens", "form"],
  ["overview", `/devices/${MAIN}`, "table[aria-label=Sessions]"],
  ["parameters", `/devices/${MAIN}/parameters?path=Device.IP.Interface.2.MaxMTUSize`, "[data-path='Device.IP.Interface.2.MaxMTUSize']"],
  ["device-events", `/devices/${MAIN}/events`, "ol"],
  ["trace", `/devices/${MAIN}/trace`, "ol"],
];

describe("screenshots", () => {
  let browser: Browser;
  let mock: Mock;
  beforeAll(async () => {
    browser = await launch();
  });
  beforeEach(async () => {
    mock = await new Mock().start();
  });
  afterEach(() => mock.stop());
  afterAll(async () => {
    await browser?.close();
  });

  for (const dark of [false, true]) {
    it(dark ? "dark" : "light", async () => {
      const theme = dark ? "dark" : "light";
      const out = await tab(browser, { baseURL: mock.url, dark });
      await out.page.goto("/sign-in");
      await out.page.waitForSelector("form");
      await out.page.screenshot({ path: join(folder, `sign-in-${theme}.png`) });
      const { page, errors } = await tab(browser, { baseURL: mock.url, cookie: mock.signIn(), dark });
      for (const [name, path, ready] of PAGES) {
        await page.goto(path);
        await page.waitForSelector(ready);
        await page.waitForSelector("[data-live=live]");
        await page.screenshot({ path: join(folder, `${name}-${theme}.png`) });
      }
      await dialogs(page, (name) => page.screenshot({ path: join(folder, `${name}-${theme}.png`) }));
      expect(errors).toEqual([]);
    });
  }
});

/** States that need a hand: forms, results, collected changes, and a phone. */
async function dialogs(page: Page, shot: (name: string) => Promise<unknown>): Promise<void> {
  const parameters = async (path: string) => {
    await page.goto(`/devices/${MAIN}/parameters?path=${path}`);
    await page.locator(`[data-path="${path}"]`).waitFor();
  };
  await parameters("Device.LocalAgent.Subscription.");
  await page.getByRole("button", { name: "Add row…" }).click();
  await page.getByRole("dialog").waitFor();
  await shot("add-row");
  await parameters("Device.IP.Diagnostics.IPPing()");
  await page.getByRole("complementary").getByRole("button", { name: "Run…" }).click();
  await page.getByLabel("Host").fill("192.0.2.1");
  await page.getByRole("dialog").getByRole("button", { name: "Run" }).click();
  await page.getByText("SuccessCount").waitFor();
  await shot("run");
  await parameters("Device.Time.LocalTimeZone");
  await page.getByLabel("Value of LocalTimeZone").fill("bad");
  await page.getByRole("button", { name: "Add to changes" }).click();
  await page.locator('[data-path="Device.Time.Enable"]').click();
  await page.locator("label").getByText("false", { exact: true }).click();
  await page.getByRole("button", { name: "Add to changes" }).click();
  await shot("collected");
  await page.getByLabel("Keep what works").check();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("partial").waitFor();
  await shot("partial");
  await page.getByLabel("Search parameters").fill("address");
  await page.locator('[data-path="Device.Hosts.Host.1.IPAddress"]').waitFor();
  await shot("search");
  await page.goto("/jobs");
  await page.getByRole("button", { name: "set", exact: true }).first().click();
  await page.getByRole("button", { name: "add", exact: true }).first().click();
  await shot("job-detail");
  await page.setViewportSize({ width: 430, height: 800 });
  await shot("narrow-jobs");
  await parameters("Device.DeviceInfo.UpTime");
  await shot("narrow-tree");
  await page.goto("/pending");
  await page.getByRole("button", { name: "Reject" }).first().waitFor();
  await shot("narrow-pending");
}
