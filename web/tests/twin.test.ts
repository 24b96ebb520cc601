import { describe, expect, it } from "vitest";
import type { OperationResult, Outcome, TwinItem } from "../src/api/types";
import { liveRead, Twin } from "../src/tree/twin";

const item = (path: string, value: string, at: string): TwinItem => ({ path, value, at, type: "string", writable: true, source: "get" });
const EARLY = "2026-01-01T00:00:00Z";
const LATE = "2026-01-01T00:00:00.500Z";

describe("twin", () => {
  it("keeps the newest value, whatever order they come in", () => {
    const twin = new Twin();
    twin.putItems([item("Device.A", "new", LATE)]);
    twin.putItems([item("Device.A", "old", EARLY)]);
    expect(twin.value("Device.A")?.value).toBe("new");
  });

  it("says that a part is missing, once", () => {
    const twin = new Twin();
    let news = 0;
    twin.subscribe(() => (news += 1));
    expect(twin.truncated()).toBe(false);
    for (const truncated of [false, true, true]) twin.setTruncated(truncated);
    expect([twin.truncated(), news]).toEqual([true, 1]);
  });

  it("counts changes of a value, not repetitions", () => {
    const twin = new Twin();
    for (const value of ["1", "1", "2"]) twin.putValues([["Device.A", value]], LATE, "value_change");
    expect(twin.value("Device.A")?.changes).toBe(1);
  });

  it("keeps type and access of a value that an event changes", () => {
    const twin = new Twin();
    twin.putItems([item("Device.A", "1", EARLY)]);
    twin.putValues([["Device.A", "2"]], LATE, "value_change");
    expect(twin.value("Device.A")).toMatchObject({ value: "2", type: "string", writable: true, source: "value_change" });
  });

  it("knows objects and parameters below an object", () => {
    const twin = new Twin();
    twin.putItems([item("Device.Hosts.Host.1.IPAddress", "a", EARLY), item("Device.Hosts.Host.2.IPAddress", "b", EARLY)]);
    expect([...twin.objects("Device.Hosts.Host.")]).toEqual(["1", "2"]);
    expect([...twin.params("Device.Hosts.Host.1.")]).toEqual(["IPAddress"]);
  });

  it("knows a row of which no parameter was read", () => {
    const twin = new Twin();
    twin.putItems([item("Device.Hosts.Host.3.", "", EARLY)]);
    expect([...twin.objects("Device.Hosts.Host.")]).toEqual(["3"]);
    expect(twin.value("Device.Hosts.Host.3.")).toBeUndefined();
  });

  it("forgets a removed row with everything below it", () => {
    const twin = new Twin();
    twin.putItems([item("Device.IP.Interface.1.Stats.BytesSent", "1", EARLY)]);
    twin.remove("Device.IP.Interface.1.");
    expect(twin.value("Device.IP.Interface.1.Stats.BytesSent")).toBeUndefined();
    expect(twin.objects("Device.IP.Interface.").size).toBe(0);
  });

  it("drops rows that a fresh read of the table no longer has", () => {
    const twin = new Twin();
    twin.putItems(["1", "2", "3"].map((row) => item(`Device.Hosts.Host.${row}.IPAddress`, "x", EARLY)));
    twin.keepRows("Device.Hosts.Host.", new Set(["2"]));
    expect([...twin.objects("Device.Hosts.Host.")]).toEqual(["2"]);
  });

  it("takes every kind of result", () => {
    const twin = new Twin();
    twin.putItems([item("Device.B.1.X", "old", EARLY)]);
    const outcome = (results: OperationResult[]): Outcome => ({ kind: "get", results: results as Outcome["results"] });
    twin.putOutcome(outcome([{ requested: "Device.A.", objects: [{ path: "Device.A.", params: { X: "1" } }] }]), LATE);
    twin.putOutcome(outcome([{ requested: "Device.A.", updated: [{ path: "Device.A.", params: { Y: "2" }, errors: [] }] }]), LATE);
    twin.putOutcome(outcome([{ requested: "Device.B.", created: { path: "Device.B.2.", unique_keys: { Alias: "cpe-2" }, errors: [] } }]), LATE);
    twin.putOutcome(outcome([{ requested: "Device.B.1.", affected: ["Device.B.1."] }]), LATE);
    expect(twin.value("Device.A.X")?.value).toBe("1");
    expect(twin.value("Device.A.Y")?.source).toBe("written");
    expect([...twin.objects("Device.B.")]).toEqual(["2"]);
    expect(twin.value("Device.B.2.Alias")?.value).toBe("cpe-2");
  });

  it.each([
    ["Device.DeviceInfo.", false, "Device.DeviceInfo."],
    ["Device.Hosts.Host.", true, "Device.Hosts.Host.*."],
    ["Device.Hosts.Host.3.", true, "Device.Hosts.Host.3."],
    ["Device.Hosts.Host.3.IPAddress", false, "Device.Hosts.Host.3.IPAddress"],
  ])("reads %s alone", (path, table, requested) => expect(liveRead(path, table)).toEqual({ paths: [requested], max_depth: 1 }));
});
