import { describe, expect, it } from "vitest";
import { treeKey } from "../src/tree/keyboard";
import type { Row } from "../src/tree/rows";

const branch = (kind: "object" | "table" | "row", path: string, open: boolean): Row => ({ kind, path, name: "", depth: 0, open, schema: undefined, count: 0, read: undefined });
const leaf = (path: string): Row => ({ kind: "param", path, name: "", depth: 0, schema: undefined, known: undefined });
const ROWS: Row[] = [branch("object", "Device.", true), leaf("Device.A"), branch("object", "Device.IP.", false), branch("table", "Device.Host.", true), branch("row", "Device.Host.1.", false)];

describe("tree keys", () => {
  it.each([
    [1, "ArrowDown", { do: "move", to: 2 }],
    [4, "ArrowDown", { do: "move", to: 4 }],
    [0, "ArrowUp", { do: "move", to: 0 }],
    [2, "Home", { do: "move", to: 0 }],
    [2, "End", { do: "move", to: 4 }],
    [2, "ArrowRight", { do: "open", path: "Device.IP." }],
    [0, "ArrowRight", { do: "move", to: 1 }],
    [1, "ArrowRight", undefined],
    [0, "ArrowLeft", { do: "close", path: "Device." }],
    [1, "ArrowLeft", { do: "move", to: 0 }],
    [4, "ArrowLeft", { do: "move", to: 3 }],
    [2, "Enter", { do: "open", path: "Device.IP." }],
    [0, " ", { do: "close", path: "Device." }],
    [1, "Enter", { do: "activate", path: "Device.A" }],
    [1, "*", { do: "openSiblings", paths: ["Device.IP."] }],
    [3, "a", { do: "add", path: "Device.Host." }],
    [0, "a", undefined],
    [4, "Delete", { do: "remove", path: "Device.Host.1." }],
    [1, "Delete", undefined],
    [1, "r", { do: "read", path: "Device.A" }],
    [-1, "ArrowDown", { do: "move", to: 0 }],
  ])("row %i, %s", (active, key, action) => expect(treeKey(ROWS, active, { key })).toEqual(action));

  it("leaves shortcuts of the browser alone", () => expect(treeKey(ROWS, 1, { key: "r", ctrl: true })).toBeUndefined());
  it("moves by pages", () => expect(treeKey(ROWS, 0, { key: "PageDown", pageSize: 3 })).toEqual({ do: "move", to: 3 }));
});
