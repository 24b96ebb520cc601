import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const WEB = join(import.meta.dirname, "..");

it("has the types of the server's present OpenAPI document: else run `npm run api:types`", () => {
  const script = (JSON.parse(readFileSync(join(WEB, "package.json"), "utf8")) as { scripts: Record<string, string> }).scripts["api:types"]!;
  const [tool, ...args] = script.split(" ");
  expect(tool).toBe("openapi-typescript");
  // With `--check` the tool writes nothing, and fails when the file differs from what it would write.
  execFileSync(process.execPath, [join(WEB, "node_modules/openapi-typescript/bin/cli.js"), ...args, "--check"], { cwd: WEB, stdio: "pipe" });
}, 30_000);
