import { describe, expect, it } from "vitest";
import type { Model } from "../src/api/types";
import { objects } from "./brief";
import { rowLabel, siblingPlaces, visibleRows, type Row } from "../src/tree/rows";
import { rowFields, SchemaIndex } from "../src/tree/schema";
import { Twin } from "../src/tree/twin";

const MODEL: Model = {
  hash: "h",
  uri: "urn:test",
  objects: objects([
    { path: "Device.", access: "readOnly", multi: false, params: [{ name: "RootDataModelVersion", type: "string", access: "readOnly" }], commands: [{ name: "Reboot()", async: false }], events: [{ name: "Boot!" }] },
    { path: "Device.Deep.Inside.", access: "readOnly", multi: false, params: [{ name: "X", type: "int", access: "readWrite" }] },
    { path: "Device.Hosts.Host.{i}.", access: "addDelete", multi: true, unique_keys: [["PhysAddress"]], params: [{ name: "IPAddress", type: "string", access: "readWrite" }, { name: "PhysAddress", type: "string", access: "readWrite" }, { name: "Active", type: "boolean", access: "readOnly" }] },
  ]),
};

function rows(open: string[], filter = "", fill: (twin: Twin) => void = () => {}, model: Model | null = MODEL) {
  const twin = new Twin();
  fill(twin);
  return visibleRows(new SchemaIndex(model ?? undefined), twin, { open: new Set(open), filter }).map((row) => (row.kind === "note" ? `${row.depth} note ${row.text}` : `${row.depth} ${row.kind} ${row.path}`));
}
const HOSTS = (twin: Twin) => twin.putItems(["10", "9"].map((row) => ({ path: `Device.Hosts.Host.${row}.IPAddress`, value: `192.0.2.${row}`, at: "2026-01-01T00:00:00Z", source: "read" })));

it.each([
  [{ Alias: "cpe-3", ID: "from-the-page" }, "from-the-page"],
  [{ Alias: "cpe-3", Name: "eth0" }, "eth0"],
  [{ Alias: "cpe-3", Enable: "true" }, "cpe-3"],
  [{ Name: "" }, ""],
])("labels a row that has %j as %j", (values, label) => {
  const twin = new Twin();
  twin.putValues(Object.entries(values).map(([name, value]) => [`Device.A.3.${name}`, value] as const), "2026-01-01T00:00:00Z", "read");
  expect(rowLabel(twin, "Device.A.3.")).toBe(label);
});

describe("visible rows", () => {
  it("shows only the root while nothing is open", () => expect(rows([])).toEqual(["0 object Device."]));

  it("shows members before children, and objects that the model only implies", () =>
    expect(rows(["Device."])).toEqual(["0 object Device.", "1 param Device.RootDataModelVersion", "1 command Device.Reboot()", "1 event Device.Boot!", "1 object Device.Deep.", "1 object Device.Hosts."]));

  it("shows the rows of a table by number, and a row's parameters", () =>
    expect(rows(["Device.", "Device.Hosts.", "Device.Hosts.Host.", "Device.Hosts.Host.9."], "", HOSTS).slice(6)).toEqual([
      "2 table Device.Hosts.Host.", "3 row Device.Hosts.Host.9.", "4 param Device.Hosts.Host.9.Active", "4 param Device.Hosts.Host.9.IPAddress", "4 param Device.Hosts.Host.9.PhysAddress", "3 row Device.Hosts.Host.10.",
    ]));

  it("says that a table is empty", () => expect(rows(["Device.", "Device.Hosts.", "Device.Hosts.Host."]).at(-1)).toBe("3 note No rows"));

  it("says why a node could not be read", () =>
    expect(rows(["Device.", "Device.Hosts.", "Device.Hosts.Host."], "", (twin) => twin.setRead("Device.Hosts.Host.", { state: "error", message: "Permission denied", code: 7006 })).at(-1)).toBe("3 note Permission denied (7006)"));

  it("filter keeps matches with the way to them", () =>
    expect(rows([], "ipaddr", HOSTS)).toEqual(["0 object Device.", "1 object Device.Hosts.", "2 table Device.Hosts.Host.", "3 row Device.Hosts.Host.9.", "4 param Device.Hosts.Host.9.IPAddress", "3 row Device.Hosts.Host.10.", "4 param Device.Hosts.Host.10.IPAddress"]));

  it("works from stored values alone when the model is not known", () =>
    expect(rows(["Device.", "Device.Hosts.", "Device.Hosts.Host.", "Device.Hosts.Host.9."], "", HOSTS, null)).toEqual([
      "0 object Device.", "1 object Device.Hosts.", "2 table Device.Hosts.Host.", "3 row Device.Hosts.Host.9.", "4 param Device.Hosts.Host.9.IPAddress", "3 row Device.Hosts.Host.10.",
    ]));
});

describe("places", () => {
  it("counts among siblings only", () => {
    const rows = [0, 1, 2, 2, 1, 2].map((depth, index): Row => ({ kind: "note", path: String(index), name: "", depth, text: "", error: false }));
    expect(siblingPlaces(rows).map(({ at, group }) => `${at}/${group.size}`)).toEqual(["1/1", "1/2", "1/2", "2/2", "2/2", "1/1"]);
  });
});

describe("schema", () => {
  const schema = new SchemaIndex(MODEL);
  it("finds the schema of an instantiated parameter", () => expect(schema.param("Device.Hosts.Host.7.Active")?.type).toBe("boolean"));
  it("offers unique keys first in a fresh row, and nothing read-only", () => expect(rowFields(schema.object("Device.Hosts.Host.")!).map((param) => param.name)).toEqual(["PhysAddress", "IPAddress"]));
  it("tells tables from objects", () => expect([schema.isTable("Device.Hosts.Host."), schema.isTable("Device.Hosts."), schema.isTable("Device.Hosts.Host.1.")]).toEqual([true, false, false]));
});
