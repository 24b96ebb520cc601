import { describe, expect, it } from "vitest";
import { describeSpec, problemWith, type ValueSpec } from "../src/tree/validate";

const check = (spec: ValueSpec, good: string[], bad: string[]) => {
  for (const text of good) expect(problemWith(spec, text), `${JSON.stringify(text)} is good`).toBeUndefined();
  for (const text of bad) expect(problemWith(spec, text), `${JSON.stringify(text)} is bad`).toBeTypeOf("string");
};

describe("values", () => {
  it("unsignedInt", () => check({ type: "unsignedInt" }, ["0", "4294967295"], ["-1", "4294967296", "", "1.5", "0x10", " 1"]));
  it("int", () => check({ type: "int" }, ["-2147483648", "2147483647", "+5"], ["-2147483649", "2147483648", "abc"]));
  it("unsignedLong keeps all its digits", () => check({ type: "unsignedLong" }, ["18446744073709551615"], ["18446744073709551616", "-1"]));
  it("long", () => check({ type: "long" }, ["-9223372036854775808"], ["9223372036854775808"]));
  it("ranges", () => check({ type: "unsignedInt", min: 64, max: 65535 }, ["64", "65535"], ["63", "65536"]));
  it("ranges given as text", () => check({ type: "unsignedLong", max: "18446744073709551614" }, ["18446744073709551614"], ["18446744073709551615"]));
  it("boolean", () => check({ type: "boolean" }, ["true", "false", "1", "0"], ["True", "yes", ""]));
  it("decimal", () => check({ type: "decimal", min: "-1.5", max: "2" }, ["-1.5", "2", ".5", "1."], ["1e3", "2.01", "-2", "."]));
  it("dateTime", () => check({ type: "dateTime" }, ["2026-03-29T12:00:00Z", "2026-03-29T12:00:00.123456Z", "2024-02-29T00:00:00+02:00", "0001-01-01T00:00:00Z"], ["2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-03-29", "2026-03-29T24:00:00Z", "now"]));
  it("hexBinary", () => check({ type: "hexBinary", max_length: 2 }, ["", "0aFF"], ["0", "0g", "0a0b0c"]));
  it("base64", () => check({ type: "base64" }, ["", "QQ==", "QUI=", "QUJD"], ["Q", "QQ=", "Q!=="]));
  it("string length counts characters, not code units", () => check({ type: "string", max_length: 2 }, ["äö", "🙂🙂"], ["abc"]));
  it("pattern is anchored", () => check({ type: "string", pattern: "[a-z]+" }, ["abc"], ["abc1", "1abc", ""]));
  it("a pattern that is not an expression here is left to the device", () => check({ type: "string", pattern: "[a-z-[aeiou]]+(" }, ["anything"], []));
  it("enumeration", () => check({ type: "string", enum: ["Up", "Down"] }, ["Up"], ["up", ""]));
  it("lists check every item", () => check({ type: "unsignedInt", list: true, max: 10 }, ["", "1,2,10", "1, 2"], ["1,11", "1,,2", "a"]));
  it("list of an enumeration", () => check({ enum: ["A", "B"], list: true }, ["", "A", "A,B"], ["A,C"]));
  it("length of a list is that of its text", () => check({ list: true, max_length: 3 }, ["a,b"], ["a,b,c"]));
  it("says what is allowed", () => expect(describeSpec({ type: "unsignedInt", min: 64, max: 65535, units: "bytes" })).toBe("unsignedInt · 64 to 65535 · bytes"));
});
