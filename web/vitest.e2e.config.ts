// Browser tests: Debian's chromium drives the built page against a mock server, and against the real one when its binary exists.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Screenshots are for looking at, not a test: `SHOTS=folder npm run e2e` makes them instead.
    include: process.env["SHOTS"] ? ["e2e/shots.ts"] : ["e2e/**/*.test.ts"],
    environment: "node",
    globalSetup: ["e2e/build.ts"],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ["default", "./tests/count-reporter.ts"],
  },
});
