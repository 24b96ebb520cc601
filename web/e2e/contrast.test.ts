// Every pairing of text and ground that the page uses can be read, in both themes: WCAG 2 contrast of at least 4.5.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, tab } from "./browser";
import { Mock } from "./mock";

const PAIRS: [text: string, grounds: string[]][] = [
  ["ink", ["canvas", "surface", "rail", "raised", "hover", "accent-soft", "flash"]],
  ["muted", ["canvas", "surface", "rail", "raised", "hover", "accent-soft"]],
  ["faint", ["canvas", "surface", "rail", "raised", "accent-soft"]],
  ["accent", ["canvas", "surface", "raised", "accent-soft"]],
  ["on-accent", ["accent", "accent-strong"]],
  ["ok", ["ok-soft", "surface"]],
  ["warn", ["warn-soft"]],
  ["bad", ["bad-soft", "surface", "raised", "canvas"]],
];

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

it.each([false, true])("dark: %s", async (dark) => {
  const { page } = await tab(browser, { baseURL: mock.url, dark });
  await page.goto("/sign-in");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const names = [...new Set(PAIRS.flatMap(([text, grounds]) => [text, ...grounds]))];
  const colours = await page.evaluate((all) => {
    const probe = document.body.appendChild(document.createElement("div"));
    const pixel = document.createElement("canvas").getContext("2d")!;
    return Object.fromEntries(all.map((name) => {
      probe.style.backgroundColor = `var(--color-${name})`;
      pixel.fillStyle = getComputedStyle(probe).backgroundColor;
      pixel.fillRect(0, 0, 1, 1);
      return [name, [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3)];
    }));
  }, names);
  const weak = PAIRS.flatMap(([text, grounds]) => grounds.map((ground) => ({ pair: `${text} on ${ground}`, ratio: contrast(colours[text]!, colours[ground]!) }))).filter(({ ratio }) => ratio < 4.5);
  expect(weak).toEqual([]);
});

function contrast(a: number[], b: number[]): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(rgb: number[]): number {
  const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4)) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
