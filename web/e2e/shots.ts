// Screenshots of every page, light and dark, for people to look at. Run by `SHOTS=folder npm run e2e`.
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launch, tab } from "./browser";
import { MAIN } from "./mock-data";
import { Mock } from "./mock";

const folder = process.env["SHOTS"] ?? "shots";
const PAGES: [name: string, path: string, ready: string][] = [
  ["devices", "/devices", "table"],
  ["pending", "/pending", "table"],
  ["refused", "/refused", "table"],
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
    mock = await new Mock().start();
  });
  afterAll(async () => {
    await browser?.close();
    mock?.stop();
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
      expect(errors).toEqual([]);
    });
  }
});
