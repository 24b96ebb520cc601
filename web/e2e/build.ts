// Builds the page once before the browser tests, so that they never see a stale one. It is the build that the server
// embeds: the test runner's own NODE_ENV would make React's development build of it.
import { build } from "vite";

export default async function setup(): Promise<void> {
  const before = process.env["NODE_ENV"];
  process.env["NODE_ENV"] = "production";
  await build({ logLevel: "error", mode: "production" });
  process.env["NODE_ENV"] = before;
}
