import { describe, expect, it } from "vitest";
import type { CuspEvent } from "../src/api/types";
import { changedRow, changedValues, summarise } from "../src/live/changes";
import { mergeEvents } from "../src/live/log";
import { SseParser } from "../src/live/sse";

const event = (part: Partial<CuspEvent>): CuspEvent => ({ seq: 1, at: "2026-01-01T00:00:00Z", kind: "event", params: {}, duplicate: false, ...part });

describe("event stream", () => {
  const stream = ": hello\r\n\r\nid: 7\r\nevent: online\r\ndata: {\"a\":1}\r\n\r\ndata: one\ndata: two\n\n";
  const expected = [{ id: "7", event: "online", data: '{"a":1}' }, { id: "7", event: "message", data: "one\ntwo" }];

  it("parses comments, ids, kinds and several data lines", () => expect(new SseParser().push(stream)).toEqual(expected));
  it("does not care where the network cuts", () => {
    const parser = new SseParser();
    expect([...stream].flatMap((letter) => parser.push(letter))).toEqual(expected);
  });
  it("gives nothing before the empty line", () => expect(new SseParser().push("data: half\n")).toEqual([]));
  it("refuses a line without end", () => expect(() => new SseParser().push("x".repeat(5_000_000))).toThrow(RangeError));
});

describe("changes", () => {
  it.each([
    [{ kind: "value_change", path: "Device.A.X", params: { "Device.A.X": "1" } }, [["Device.A.X", "1"]]],
    [{ kind: "value_change", path: "Device.A.", params: { X: "1" } }, [["Device.A.X", "1"]]],
    [{ kind: "value_change", path: "Device.A.X", params: { value: "1" } }, [["Device.A.X", "1"]]],
    [{ kind: "value_change", path: "Device.A.X", params: { X: "1", cut: "true" } }, [["Device.A.X", "1"]]],
    [{ kind: "object_creation", path: "Device.A.1.", params: { Alias: "a" } }, [["Device.A.1.Alias", "a"]]],
    [{ kind: "boot", path: "Device.", params: { Cause: "LocalReboot" } }, []],
  ] as [Partial<CuspEvent>, [string, string][]][])("values of %j", (part, values) => expect(changedValues(event(part))).toEqual(values));

  it("rows", () => {
    expect(changedRow(event({ kind: "object_deletion", path: "Device.A.1" }))).toEqual({ path: "Device.A.1.", created: false });
    expect(changedRow(event({ kind: "value_change", path: "Device.A.1." }))).toBeUndefined();
  });
  it("one line", () => expect(summarise(event({ kind: "value_change", path: "Device.A.X", params: { "Device.A.X": "1" } }))).toBe("Device.A.X = 1"));
  it("a log holds each position once, newest first, and is bounded", () => {
    const at = (seq: number) => event({ seq });
    expect(mergeEvents([at(3), at(1)], [at(2), at(3)], 2).map((each) => each.seq)).toEqual([3, 2]);
  });
});
