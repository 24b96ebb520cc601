import { describe, expect, it } from "vitest";
import { MOST, parseExpected } from "../src/pages/expected-lines";

describe("devices to expect", () => {
  it.each([
    ["os::00256D-1", [{ endpoint: "os::00256D-1" }]],
    ["SN-1", [{ serial: "SN-1" }]],
    ["SN-1, attic , lisbon", [{ serial: "SN-1", name: "attic", group: "lisbon" }]],
    ["SN-1,,lisbon", [{ serial: "SN-1", group: "lisbon" }]],
    ["SN-1\tattic\tlisbon", [{ serial: "SN-1", name: "attic", group: "lisbon" }]],
    ["# a delivery\r\n\r\nSN-1\r\n  SN-2,\r\n", [{ serial: "SN-1" }, { serial: "SN-2" }]],
  ])("%j", (text, devices) => expect(parseExpected(text)).toEqual({ devices }));

  it.each([
    ["", "No device is named"],
    ["# nobody", "No device is named"],
    ["SN-1\n, attic", "Line 2 names no device"],
    ["SN-1,a,b,c", "Line 1 has more than a device, a name and a tag"],
  ])("%j is refused", (text, problem) => expect(parseExpected(text)).toEqual({ problem }));

  it("takes as many as the server does at once", () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `SN-${index}`).join("\n");
    expect(MOST).toBe(1000);
    expect(parseExpected(lines(1000))).toHaveProperty("devices.999", { serial: "SN-999" });
    expect(parseExpected(lines(1001))).toHaveProperty("problem");
  });
});
