import { expect } from "chai";
import { httpTarget, isLoopback, schemeOf } from "../../src/http/origin";

describe("origin", () => {
    const ORIGINS: readonly (readonly [string, string])[] = [
        ["sse://Host.Example:8444/hiveot/ssesc", "https://host.example:8444"],
        ["SSE://host:8444", "https://host:8444"],
        ["sse://host:443/x", "https://host"],
        ["sse://host:80/x", "https://host:80"],
        ["sse-plain://host:80/x", "http://host"],
        ["sse-plain://127.0.0.1:8080", "http://127.0.0.1:8080"],
        ["https://HOST:443/", "https://host"],
        ["http://[::1]:8080/x", "http://[::1]:8080"],
        ["sse://user:password@host:1/x", "https://host:1"],
    ];
    for (const [url, origin] of ORIGINS) {
        it(`is ${origin} for ${url}`, () => {
            expect(httpTarget(url)?.origin).to.equal(origin);
        });
    }

    for (const url of [
        "",
        "/x",
        "sse:",
        "sse://",
        "sse:///x",
        "sse:host",
        "ws://host",
        "coap://host",
        "sse://ho st/",
    ]) {
        it(`is none for ${JSON.stringify(url)}`, () => {
            expect(httpTarget(url)).to.equal(undefined);
        });
    }

    it("has the path and the query, without a fragment", () => {
        expect(httpTarget("sse://h/a/b%20c?x=%C3%A4&y=#z")).to.deep.equal({
            origin: "https://h",
            path: "/a/b%20c",
            query: "x=%C3%A4&y=",
        });
        expect(httpTarget("sse://h")).to.deep.equal({ origin: "https://h", path: "/", query: "" });
    });

    it("knows the scheme of a URL", () => {
        expect(schemeOf("SSE-Plain://h")).to.equal("sse-plain");
        expect(schemeOf("/hiveot/request")).to.equal(undefined);
    });

    it("tells loopback from other hosts", () => {
        for (const host of ["127.0.0.1", "127.9.9.9:1", "localhost:8444", "[::1]:1", "a.localhost"]) {
            expect(isLoopback(`http://${host}`), host).to.equal(true);
        }
        for (const host of ["host", "10.0.0.1", "localhost.example", "[::2]", "127.0.0.1.example"]) {
            expect(isLoopback(`http://${host}`), host).to.equal(false);
        }
    });
});
