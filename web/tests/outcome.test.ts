import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api/client";
import { faultFor, faultsOf, refusalOf, setBody } from "../src/tree/outcome";

describe("outcomes", () => {
  it("finds the fault of each parameter of a partly refused set", () => {
    const faults = faultsOf({ outcome: { kind: "set", results: [{ requested: "Device.A.", failures: [], updated: [{ path: "Device.A.", params: { Good: "1" }, errors: [{ param: "Bad", code: 7012, message: "Out of range" }] }] }] } });
    expect([...faults]).toEqual([["Device.A.Bad", { code: 7012, message: "Out of range" }]]);
    expect(faultFor(faults, "Device.A.Good")).toBeUndefined();
  });

  it("finds the faults behind a refused message", () => {
    const faults = faultsOf({ outcome: { kind: "set", failed: { code: 7021, message: "Set failed", params: [{ param: "Device.A.Bad", code: 7012, message: "Out of range" }] } } });
    expect(faultFor(faults, "Device.A.Bad")?.code).toBe(7012);
    expect(faultFor(faults, "Device.A.Other")?.code).toBe(7021);
  });

  it("reads failures, path faults and rows that stayed", () => {
    const faults = faultsOf({
      outcome: { kind: "delete", results: [{ requested: "Device.X.", error: { code: 7016, message: "No such object" }, affected: [], unaffected: [] }, { requested: "Device.Y.", affected: [], unaffected: [{ path: "Device.Y.1.", code: 7024, message: "Not deleted" }] }] },
    });
    const required = faultsOf({ outcome: { kind: "set", results: [{ requested: "Device.Z.", updated: [], failures: [{ path: "Device.Z.", errors: [{ param: "P", code: 7200, message: "Required" }] }] }] } });
    expect(Object.fromEntries([...faults, ...required].map(([path, fault]) => [path, fault.code]))).toEqual({ "Device.X.": 7016, "Device.Y.1.": 7024, "Device.Z.P": 7200 });
  });

  it("takes the job's own error when there is no outcome", () => expect(faultFor(faultsOf({ error: { message: "expired" } }), "Device.A")?.message).toBe("expired"));

  it("finds what the server itself refused", () => {
    const error = new ApiError({ type: "urn:cusp:error:invalid", title: "Against the model", status: 400, params: [{ param: "Device.A.X", code: 7012, message: "Too large" }] });
    expect(refusalOf(error, "Device.A.X")).toMatchObject({ code: 7012, message: "Too large" });
    expect(refusalOf(error, "Device.A.Y")).toEqual({ code: 0, message: "Against the model" });
    expect(refusalOf(new Error("gone"), "Device.A.X").message).toBe("gone");
  });

  it("groups writes by object", () =>
    expect(setBody([["Device.A.X", "1"], ["Device.B.Y", "2"], ["Device.A.Z", "3"]], true)).toEqual({
      objects: [
        { path: "Device.A.", params: [{ param: "X", value: "1", required: false }, { param: "Z", value: "3", required: false }] },
        { path: "Device.B.", params: [{ param: "Y", value: "2", required: false }] },
      ],
      allow_partial: true,
    }));
});
