import { afterEach, describe, expect, it } from "vitest";
import { ApiError, makeClient, toProblem, unwrap, whenUnauthorised } from "../src/api/client";
import { isSettled } from "../src/api/operations";
import type { JobState } from "../src/api/types";
import { parseSearch, safeNext, stringifySearch } from "../src/app/search";
import { withToken } from "../src/pages/connect-text";

function clientOf(status: number, body: string, type = "application/problem+json") {
  const seen: Request[] = [];
  const client = makeClient({ baseUrl: "http://cusp.test/api/v1", fetch: async (request) => { seen.push(request); return new Response(status === 204 ? null : body, { status, headers: { "Content-Type": type } }); } });
  return { client, seen };
}

describe("client", () => {
  afterEach(() => whenUnauthorised(() => {}));

  it("sends the CSRF header with writes only", async () => {
    const { client, seen } = clientOf(204, "");
    await unwrap(client.POST("/auth/logout"));
    await unwrap(client.GET("/me"));
    expect(seen.map((request) => request.headers.get("X-Cusp-Request"))).toEqual(["1", null]);
  });

  it("escapes an endpoint id in a path", async () => {
    const { client, seen } = clientOf(204, "");
    await unwrap(client.POST("/pending/{endpoint}/reject", { params: { path: { endpoint: "os::00AA11-a/b" } } }));
    expect(new URL(seen[0]!.url).pathname).toBe("/api/v1/pending/os%3A%3A00AA11-a%2Fb/reject");
  });

  it("throws a problem with its code", async () => {
    const { client } = clientOf(400, JSON.stringify({ type: "urn:cusp:error:bad-path", title: "Bad path", status: 400, detail: "Device..X", code: 7008 }));
    await expect(unwrap(client.GET("/me"))).rejects.toMatchObject({ name: "ApiError", status: 400, code: 7008, slug: "bad-path", message: "Device..X" });
  });

  it("makes a problem of an answer that is none", async () => {
    const { client } = clientOf(502, "<html>Bad gateway</html>", "text/html");
    await expect(unwrap(client.GET("/me"))).rejects.toMatchObject({ status: 502, message: "The server answered 502" });
  });

  it("makes a problem of a server that is away", async () => {
    const client = makeClient({ baseUrl: "http://cusp.test", fetch: () => Promise.reject(new TypeError("refused")) });
    await expect(unwrap(client.GET("/me"))).rejects.toMatchObject({ status: 0, message: "The server cannot be reached" });
  });

  it("tells when the session has ended", async () => {
    let told = 0;
    whenUnauthorised(() => (told += 1));
    const { client } = clientOf(401, "{}", "application/json");
    await expect(unwrap(client.GET("/devices"))).rejects.toBeInstanceOf(ApiError);
    expect(told).toBe(1);
  });

  it("keeps the answer's status over the body's", () => expect(toProblem(409, { title: "x", status: 200 }).status).toBe(409));
});

describe("jobs", () => {
  it.each([["queued", false], ["sent", false], ["accepted", false], ["done", true], ["partial", true], ["failed", true], ["expired", true], ["cancelled", true], ["in_doubt", true]] as [JobState, boolean][])("%s settled: %s", (state, settled) => expect(isSettled({ state })).toBe(settled));
});

describe("addresses", () => {
  it("keeps search parameters as text", () => expect(parseSearch("?link=1e5&q=%22a%22")).toEqual({ link: "1e5", q: '"a"' }));
  it("drops empty search parameters", () => expect(stringifySearch({ q: "", sort: "-name", x: undefined })).toBe("?sort=-name"));
  it.each([["/jobs?state=done", "/jobs?state=done"], ["//evil.example", "/devices"], ["/\\evil.example", "/devices"], ["https://evil.example", "/devices"], ["/sign-in", "/devices"], [undefined, "/devices"]])("after sign-in %s leads to %s", (next, to) => expect(safeNext(next)).toBe(to));
});

describe("configuration to paste", () => {
  it("puts the token where the server left a place, whatever it holds", () => expect(withToken('token = "TOKEN_HERE"', "a$&b")).toBe('token = "a$&b"'));
  it("leaves the line out without a token", () => expect(withToken('url = "x"\ntoken = "TOKEN_HERE"\nca = "y"\n', undefined)).toBe('url = "x"\nca = "y"\n'));
});
