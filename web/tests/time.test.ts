import { describe, expect, it } from "vitest";
import { duration, relative } from "../src/components/time";

describe("times", () => {
  const now = Date.UTC(2026, 0, 31, 12);
  it.each([[2, "now"], [30, "30 s ago"], [120, "2 min ago"], [7_200, "2 h ago"], [259_200, "3 d ago"], [-1_200, "in 20 min"], [8_000_000, "2025-10-30"]])("%i seconds before: %s", (seconds, text) => expect(relative(now - seconds * 1000, now)).toBe(text));
  it.each([[0, "0 s"], [59, "59 s"], [61, "1 min 1 s"], [7_260, "2 h 1 min"], [86_400, "1 d"], [100_000, "1 d 3 h"]])("%i seconds last %s", (seconds, text) => expect(duration(seconds)).toBe(text));
});
