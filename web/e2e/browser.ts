// One chromium for a test file, and pages that collect what must never happen: script errors and broken CSP.
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function launch(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`${executablePath} is missing: install Debian's chromium, or set CHROMIUM`);
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

export interface Tab { page: Page; errors: string[] }

export async function tab(browser: Browser, options: { baseURL: string; cookie?: string; dark?: boolean; width?: number; height?: number }): Promise<Tab> {
  const context = await browser.newContext({ baseURL: options.baseURL, colorScheme: options.dark ? "dark" : "light", viewport: { width: options.width ?? 1360, height: options.height ?? 840 } });
  if (options.cookie) await context.addCookies([{ name: "cusp_session", value: options.cookie, url: options.baseURL, httpOnly: true, sameSite: "Strict" }]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  // A refused sign-in is an ordinary answer; the browser logs it all the same.
  page.on("console", (message) => message.type() === "error" && !/status of 4[0-9][0-9]|ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION/.test(message.text()) && errors.push(message.text()));
  return { page, errors };
}
