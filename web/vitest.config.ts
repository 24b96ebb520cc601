// Unit tests: pure logic, no browser and no DOM.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/**/*.test.ts"], environment: "node", reporters: ["default", "./tests/count-reporter.ts"] },
});
