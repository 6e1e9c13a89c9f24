/** The Things API of the directory (wot-http.md, "Discovery"), over each transport. */
import { expect } from "chai";
import type { RawResponse } from "../conformance/raw/raw-client";
import { req } from "../conformance/requirements";
import { TRANSPORTS } from "../support/set-ups";
import { tdOf } from "./harness";
import { ServedDirectory } from "./directory-server";

type Json = Record<string, unknown>;

const DISCOVERY = "https://www.w3.org/2022/wot/discovery";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

function json(reply: RawResponse): Json {
    return JSON.parse(reply.body) as Json;
}

function list(reply: RawResponse): Json[] {
    expect(reply.status).to.equal(200);
    return JSON.parse(reply.body) as Json[];
}

function idsIn(reply: RawResponse): unknown[] {
    return list(reply).map(({ id }) => id);
}

function expectProblem(reply: RawResponse, status: number, code: string): Json {
    expect(reply.status, reply.body).to.equal(status);
    expect(reply.headers["content-type"]).to.equal("application/problem+json");
    const problem = json(reply);
    expect(problem).to.include({ status, type: `urn:hiveot-ssesc:problem:${code}` });
    expect(problem["title"]).to.be.a("string");
    return problem;
}

/** The link of a relation: its target and its parameters. */
function link(reply: RawResponse, rel: string): { target: string; params: string } | undefined {
    for (const part of (reply.headers["link"] ?? "").split(/,\s*(?=<)/)) {
        const [, target = "", params = ""] = /^<([^>]*)>(.*)$/.exec(part) ?? [];
        if (params.includes(`rel="${rel}"`)) return { target, params };
    }
    return undefined;
}

for (const transport of TRANSPORTS) {
    describe(`the directory over HTTP, ${transport}`, () => {
        let directory: ServedDirectory;

        beforeEach(async () => {
            directory = await ServedDirectory.start(transport);
        });

        req(["TDD-03", "TDD-16"], "GET gives a TD as application/td+json, or as json to who wants that", async () => {
            await directory.send("PUT", "/things/urn:a", { body: tdOf("urn:a") });
            const reply = await directory.send("GET", "/things/urn:a", { token: "viewer:victor" });
            expect(reply.status).to.equal(200);
            expect(reply.headers["content-type"]).to.equal("application/td+json");
            expect(json(reply)).to.include({ id: "urn:a", title: "Thing urn:a" });
            expect(json(reply)["base"]).to.match(/^https:\/\/127\.0\.0\.1:\d+\/$/);
            const accept = { accept: "application/json" };
            const other = await directory.send("GET", "/things/urn:a", { headers: accept });
            expect(other.headers["content-type"]).to.equal("application/json");
            expectProblem(await directory.send("GET", "/things/urn:b"), 404, "NOT_FOUND");
        });

        req("TDD-11", "HEAD answers wherever GET does, without a body", async () => {
            await directory.send("PUT", "/things/urn:a", { body: tdOf("urn:a") });
            for (const path of ["/things/urn:a", "/things", "/things?limit=1", "/events", "/events/thing_deleted"]) {
                const head = await directory.send("HEAD", path);
                expect(head, path).to.deep.include({ status: 200, body: "" });
                if (path.startsWith("/events")) continue;
                const get = await directory.send("GET", path);
                expect(head.headers["content-type"]).to.equal(get.headers["content-type"]);
                expect(head.headers["link"]).to.equal(get.headers["link"]);
            }
            expect((await directory.send("HEAD", "/things/urn:b")).status).to.equal(404);
        });

        req("TDD-10", "errors are Problem Details", async () => {
            expectProblem(await directory.send("GET", "/things/nothing"), 404, "NOT_FOUND");
            expectProblem(await directory.send("GET", "/search/jsonpath?query=x"), 404, "NOT_FOUND");
            expectProblem(await directory.send("PUT", "/things/a", { body: "{x" }), 400, "INVALID_ENVELOPE");
            expectProblem(await directory.send("PUT", "/things/a", { body: "" }), 400, "INVALID_ENVELOPE");
            expectProblem(await directory.send("PUT", "/things/%E0%A4%A", { body: "{}" }), 400, "INVALID_REQUEST");
            for (const query of ["limit=0", "limit=-1", "limit=x", "offset=1.5", "format=xml"]) {
                expectProblem(await directory.send("GET", `/things?${query}`), 400, "INVALID_REQUEST");
            }
        });

        it("answers 405 with Allow to other methods, and 404 to other paths", async () => {
            const allowed = {
                "/things": ["PUT", "GET, HEAD, POST"],
                "/things/a": ["POST", "GET, HEAD, PUT, PATCH, DELETE"],
                "/events": ["POST", "GET, HEAD"],
                "/events/thing_created": ["DELETE", "GET, HEAD"],
            };
            for (const [path, [method = "", allow]] of Object.entries(allowed)) {
                const reply = await directory.send(method, path);
                expectProblem(reply, 405, "METHOD_NOT_ALLOWED");
                expect(reply.headers["allow"]).to.equal(allow);
            }
            for (const path of ["/things/", "/things/a/b", "/THINGS", "/events/", "/events/thing_renamed", "/search"]) {
                expectProblem(await directory.send("GET", path), 404, "NOT_FOUND");
            }
        });

        req("TDD-12", "nothing is read or written without a token, and nothing written without the role", async () => {
            await directory.send("PUT", "/things/a", { body: tdOf("a") });
            const writes = [
                ["PUT", "/things/a"],
                ["POST", "/things"],
                ["PATCH", "/things/a"],
                ["DELETE", "/things/a"],
            ] as const;
            const reads = [
                ["GET", "/things"],
                ["GET", "/things/a"],
                ["GET", "/events"],
            ] as const;
            for (const [method, path] of [...writes, ...reads]) {
                const body = ["GET", "DELETE"].includes(method) ? {} : { body: {} };
                const reply = await directory.send(method, path, { token: "", ...body });
                expectProblem(reply, 401, "UNAUTHORIZED");
                expect(reply.headers["www-authenticate"]).to.equal("Bearer");
                expectProblem(await directory.send(method, path, { token: "none:n", ...body }), 403, "FORBIDDEN");
            }
            for (const role of ["viewer", "operator", "manager"]) {
                for (const [method, path] of writes) {
                    const body = method === "DELETE" ? {} : { body: {} };
                    const reply = await directory.send(method, path, { token: `${role}:x`, ...body });
                    expectProblem(reply, 403, "FORBIDDEN");
                }
            }
        });

        req("TDD-13", "PUT creates with 201 and updates with 204, whatever its Content-Type", async () => {
            const headers = { "content-type": "application/td+json" };
            const created = await directory.send("PUT", "/things/urn%3Aa", { body: tdOf("urn:a"), headers });
            expect(created).to.deep.include({ status: 201, body: "" });
            expect(created.headers["location"]).to.equal("/things/urn:a");
            for (const type of ["application/json", "application/x-www-form-urlencoded", "text/plain"]) {
                const updated = await directory.send("PUT", "/things/urn:a", {
                    body: tdOf("urn:a", { title: type }),
                    headers: { "content-type": type },
                });
                expect(updated).to.deep.include({ status: 204, body: "" });
                expect(json(await directory.send("GET", "/things/urn:a"))["title"]).to.equal(type);
            }
        });

        req("TDD-13", "PUT takes the id of the path, percent-decoded, and refuses another one inside", async () => {
            const id = "weird/€ id?";
            const path = `/things/${encodeURIComponent(id)}`;
            const created = await directory.send("PUT", path, { body: tdOf(undefined, { title: "T" }) });
            expect(created).to.deep.include({ status: 201 });
            expect(created.headers["location"]).to.equal(path);
            expect(json(await directory.send("GET", path))).to.include({ id, title: "T" });
            const other = expectProblem(
                await directory.send("PUT", "/things/b", { body: tdOf("c") }),
                400,
                "INVALID_TD"
            );
            expect(other["validationErrors"]).to.deep.equal([{ field: "id", description: "is another one" }]);
        });

        req("DIR-owner", "a second owner of an id gets a 409; who may write any does", async () => {
            await directory.send("PUT", "/things/a", { body: tdOf("a") });
            const bob = { token: "device:bob" };
            const renamed = { body: tdOf("a", { title: "Bob's" }) };
            expectProblem(await directory.send("PUT", "/things/a", { ...bob, ...renamed }), 409, "NOT_OWNER");
            expectProblem(await directory.send("PATCH", "/things/a", { ...bob, body: {} }), 403, "NOT_OWNER");
            expectProblem(await directory.send("DELETE", "/things/a", bob), 403, "NOT_OWNER");
            expect(json(await directory.send("GET", "/things/a", bob))["title"]).to.equal("Thing a");
            expect((await directory.send("PUT", "/things/a", { token: "service:s", ...renamed })).status).to.equal(204);
            expect((await directory.send("DELETE", "/things/a", { token: "admin:root" })).status).to.equal(204);
        });

        req(["TDD-14", "TDD-15"], "POST of a TD without id gives it one: in Location, and in the TD", async () => {
            const created = await directory.send("POST", "/things", { body: tdOf(undefined, { title: "T" }) });
            expect(created).to.deep.include({ status: 201, body: "" });
            const location = created.headers["location"] ?? "";
            expect(location).to.match(
                /^\/things\/urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
            );
            const td = json(await directory.send("GET", location));
            expect(td).to.include({ id: location.slice("/things/".length), title: "T" });
            const withId = await directory.send("POST", "/things", { body: tdOf("a") });
            const problem = expectProblem(withId, 400, "INVALID_TD");
            expect(problem["validationErrors"]).to.have.nested.property("[0].field", "id");
        });

        req("TDD-17", "PATCH merges: RFC 7396", async () => {
            await directory.send("PUT", "/things/a", {
                body: tdOf("a", { description: "old", "ex:n": { a: 1, b: 2 } }),
            });
            const headers = { "content-type": "application/merge-patch+json" };
            const body = { title: "New", description: null, "ex:n": { b: null, c: 3 } };
            const patched = await directory.send("PATCH", "/things/a", { body, headers });
            expect(patched).to.deep.include({ status: 204, body: "" });
            const td = json(await directory.send("GET", "/things/a"));
            expect(td).to.deep.include({ title: "New", "ex:n": { a: 1, c: 3 } });
            expect(td).not.to.have.property("description");
            expectProblem(await directory.send("PATCH", "/things/b", { body, headers }), 404, "UNKNOWN_THING");
            const jsonPatch = { "content-type": "application/json-patch+json" };
            const refused = await directory.send("PATCH", "/things/a", { body: [], headers: jsonPatch });
            expectProblem(refused, 415, "INVALID_REQUEST");
            expect(refused.headers["accept-patch"]).to.equal("application/merge-patch+json");
            expectProblem(await directory.send("PATCH", "/things/a", { body: [], headers }), 400, "INVALID_TD");
            expectProblem(
                await directory.send("PATCH", "/things/a", { body: { "@context": null }, headers }),
                400,
                "INVALID_TD"
            );
        });

        req("TDD-18", "DELETE removes a TD, once", async () => {
            await directory.send("PUT", "/things/a", { body: tdOf("a") });
            expect(await directory.send("DELETE", "/things/a")).to.deep.include({ status: 204, body: "" });
            expectProblem(await directory.send("GET", "/things/a"), 404, "NOT_FOUND");
            expectProblem(await directory.send("DELETE", "/things/a"), 404, "UNKNOWN_THING");
        });

        req(["TDD-19", "TDD-20"], "GET /things lists TDs by id in code points", async () => {
            expect(list(await directory.send("GET", "/things"))).to.deep.equal([]);
            for (const id of ["\u{1f600}", "\uffee", "b", "a"]) {
                await directory.send("PUT", `/things/${encodeURIComponent(id)}`, { body: tdOf(id) });
            }
            const reply = await directory.send("GET", "/things", { token: "viewer:victor" });
            expect(reply.headers["content-type"]).to.equal("application/ld+json");
            expect(idsIn(reply)).to.deep.equal(["a", "b", "\uffee", "\u{1f600}"]);
            const plain = await directory.send("GET", "/things", { headers: { accept: "application/json" } });
            expect(plain.headers["content-type"]).to.equal("application/json");
        });

        req(["TDD-21", "TDD-22"], "pages link to the next one with all arguments, and to the list", async () => {
            for (const id of ["a", "b", "c", "d", "e"])
                await directory.send("PUT", `/things/${id}`, { body: tdOf(id) });
            const seen: unknown[] = [];
            let path: string | undefined = "/things?limit=2&mine=x%26y";
            const targets: string[] = [];
            while (path !== undefined) {
                const reply: RawResponse = await directory.send("GET", path);
                seen.push(...idsIn(reply));
                expect(link(reply, "canonical")?.target).to.equal("/things");
                expect(link(reply, "canonical")?.params).to.match(/; etag="[^"]+"$/);
                path = link(reply, "next")?.target;
                if (path !== undefined) targets.push(path);
            }
            expect(seen).to.deep.equal(["a", "b", "c", "d", "e"]);
            expect(targets).to.deep.equal([
                "/things?offset=2&limit=2&mine=x%26y",
                "/things?offset=4&limit=2&mine=x%26y",
            ]);
            expect(idsIn(await directory.send("GET", "/things?offset=5&limit=2"))).to.deep.equal([]);
            const etag = async (): Promise<string | undefined> =>
                link(await directory.send("GET", "/things?limit=2"), "canonical")?.params;
            const before = await etag();
            expect(await etag()).to.equal(before);
            await directory.send("PUT", "/things/a", { body: tdOf("a", { title: "New" }) });
            expect(await etag()).not.to.equal(before);
        });

        it("gives a collection to who asks for one", async () => {
            for (const id of ["a", "b", "c"]) await directory.send("PUT", `/things/${id}`, { body: tdOf(id) });
            const first = json(await directory.send("GET", "/things?format=collection&limit=2"));
            const members = first["members"] as Json[];
            expect(members.map(({ id }) => id)).to.deep.equal(["a", "b"]);
            expect({ ...first, members: [] }).to.deep.equal({
                "@context": DISCOVERY,
                "@type": "ThingCollection",
                "@id": "/things?format=collection&limit=2",
                total: 3,
                members: [],
                next: "/things?offset=2&limit=2&format=collection",
            });
            const last = json(await directory.send("GET", String(first["next"])));
            expect(last).not.to.have.property("next");
            expect(last["members"]).to.have.length(1);
        });

        req(["TDD-23", "TDD-24", "TDD-25"], "shows registrations, in the discovery context", async () => {
            const registration = { ttl: 3600, expires: "2000-01-01T00:00:00Z", created: "1999-01-01T00:00:00Z" };
            await directory.send("PUT", "/things/a", { body: tdOf("a", { registration }) });
            const td = json(await directory.send("GET", "/things/a"));
            expect(td["@context"]).to.deep.equal(["https://www.w3.org/2022/wot/td/v1.1", DISCOVERY]);
            const shown = td["registration"] as Record<string, string>;
            expect(shown).to.have.all.keys("created", "modified", "expires", "retrieved", "ttl");
            for (const name of ["created", "modified", "expires", "retrieved"]) expect(shown[name]).to.match(TIME);
            expect(Date.parse(shown["expires"]!) - Date.parse(shown["modified"]!)).to.equal(3600_000);
            expect(Date.parse(shown["created"]!)).to.be.above(Date.parse("2020-01-01"));
            expect(list(await directory.send("GET", "/things"))[0]).to.have.nested.property("registration.ttl", 3600);
            // What was read can be written back
            expect((await directory.send("PUT", "/things/a", { body: td })).status).to.equal(204);
            const again = json(await directory.send("GET", "/things/a"));
            expect(again["@context"]).to.deep.equal(td["@context"]);
            expect(again).to.have.nested.property("registration.created", shown["created"]);
        });

        req("TDD-26", "says what is wrong with a TD, field by field", async () => {
            const wrong = { ...tdOf("a"), title: undefined, properties: { p: { type: "money" } }, actions: 7 };
            const problem = expectProblem(await directory.send("PUT", "/things/a", { body: wrong }), 400, "INVALID_TD");
            expect(problem["validationErrors"]).to.deep.equal([
                { field: "title", description: "is missing" },
                { field: "properties.p.type", description: "is no data type of TD 1.1" },
                { field: "actions", description: "is not an object" },
            ]);
            for (const body of ["7", "null", "[]", '"x"']) {
                expectProblem(await directory.send("PUT", "/things/a", { body }), 400, "INVALID_TD");
            }
            expect(directory.store.size).to.equal(0);
        });

        req("DIR-own-operations", "takes TDs with HiveOT's own operations, and gives them back", async () => {
            const form = { href: "/hiveot/request", subprotocol: "sse-sc", op: ["ping", "readallevents"] };
            const event = { data: { type: "string" }, forms: [{ ...form, op: ["readevent", "subscribeevent"] }] };
            const td = tdOf("a", { forms: [form], events: { tick: event } });
            expect((await directory.send("PUT", "/things/a", { body: td })).status).to.equal(201);
            expect(json(await directory.send("GET", "/things/a"))).to.deep.include({ events: { tick: event } });
        });

        req("DIR-limits", "a hostile client gets errors, and nobody else notices", async () => {
            await directory.send("PUT", "/things/theirs", { body: tdOf("theirs"), token: "device:other" });
            const huge = `{"title":"${"x".repeat(1024 * 1024)}"}`;
            expectProblem(await directory.send("PUT", "/things/a", { body: huge }), 413, "TOO_LARGE");
            const polluted = '{"__proto__":{"admin":true},"@context":"https://www.w3.org/2022/wot/td/v1.1"}';
            expectProblem(await directory.send("PUT", "/things/a", { body: polluted }), 400, "INVALID_TD");
            expectProblem(await directory.send("PATCH", "/things/theirs", { body: polluted }), 403, "NOT_OWNER");
            const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
            expectProblem(await directory.send("PUT", "/things/a", { body: deep }), 400, "INVALID_ENVELOPE");
            expect({}).not.to.have.property("admin");
            expect(idsIn(await directory.send("GET", "/things", { token: "viewer:v" }))).to.deep.equal(["theirs"]);
        });

        req("DIR-limits", "holds so many TDs of one client: 507", async () => {
            directory = await ServedDirectory.start(transport, { maxThingsPerClient: 2 });
            for (const id of ["a", "b"]) await directory.send("PUT", `/things/${id}`, { body: tdOf(id) });
            expectProblem(await directory.send("PUT", "/things/c", { body: tdOf("c") }), 507, "TOO_MANY_THINGS");
            const bob = { body: tdOf("c"), token: "device:bob" };
            expect((await directory.send("PUT", "/things/c", bob)).status).to.equal(201);
        });

        it("streams a long list to a client, whole", async () => {
            const ids = Array.from({ length: 1_000 }, (_, i) => `t${String(i).padStart(4, "0")}`);
            const description = "x".repeat(2_000);
            const writer = { clientId: "a", mayWriteAny: false };
            await Promise.all(ids.map((id) => directory.store.put(tdOf(id, { description }), writer)));
            expect(idsIn(await directory.send("GET", "/things"))).to.deep.equal(ids);
        });
    });
}

describe("the directory over HTTP", () => {
    it("says where it is mounted in its links", async () => {
        const directory = await ServedDirectory.start("plain h1", {}, "/wot");
        for (const id of ["a", "b"]) {
            const created = await directory.send("PUT", `/wot/things/${id}`, { body: tdOf(id) });
            expect(created.headers["location"]).to.equal(`/wot/things/${id}`);
        }
        const reply = await directory.send("GET", "/wot/things?limit=1&format=collection");
        expect(link(reply, "next")?.target).to.equal("/wot/things?offset=1&limit=1&format=collection");
        expect(link(reply, "canonical")?.target).to.equal("/wot/things");
        expect(json(reply)).to.include({ "@id": "/wot/things?limit=1&format=collection" });
    });

    it("cuts a list that breaks half-way rather than let it pass for whole", async () => {
        let shown = 0;
        const directory = await ServedDirectory.start("plain h1", {
            render: ({ td }) => {
                if (++shown === 2) throw new Error("broken");
                return td;
            },
        });
        for (const id of ["a", "b"]) await directory.send("PUT", `/things/${id}`, { body: tdOf(id) });
        const failure = await directory.send("GET", "/things").catch((error: unknown) => error);
        expect(failure).to.be.an("error");
    });
});
