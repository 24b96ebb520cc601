// One chromium for a test file, and pages that collect what must never happen: script errors and broken CSP.
import { existsSync } from "node:fs";
import { chromium, type Browser, type Page } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function launch(): Promise<Browser> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath)) throw new Error(`${executablePath} is missing: install Debian's chromium, or set CHROMIUM`);
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** `refusals`: the statuses from 400 on that a test provokes. The browser logs each as an error. */
export interface Tab { page: Page; errors: string[]; refusals: Set<number> }

export async function tab(browser: Browser, options: { baseURL: string; cookie?: string; dark?: boolean; width?: number; height?: number }): Promise<Tab> {
  const context = await browser.newContext({ baseURL: options.baseURL, colorScheme: options.dark ? "dark" : "light", viewport: { width: options.width ?? 1360, height: options.height ?? 840 } });
  if (options.cookie) await context.addCookies([{ name: "cusp_session", value: options.cookie, url: options.baseURL, httpOnly: true, sameSite: "Strict" }]);
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  // Whoever has not signed in yet is told so.
  const refusals = new Set([401]);
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    const status = /status of (\d{3})/.exec(message.text())?.[1];
    const ordinary = status ? refusals.has(Number(status)) : /ERR_INCOMPLETE_CHUNKED|ERR_CONNECTION/.test(message.text());
    if (!ordinary) errors.push(message.text());
  });
  return { page, errors, refusals };
}
