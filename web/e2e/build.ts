// Builds the page once before the browser tests, so that they never see a stale one.
import { build } from "vite";

export default async function setup(): Promise<void> {
  await build({ logLevel: "error" });
}
