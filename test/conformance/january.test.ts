/** What HiveOT's own clients of January 2026 need: the one in Go, which decodes into fixed types, and the one in JavaScript. */
import { expect } from "chai";
import { checkJanuaryNotification, checkJanuaryResponse } from "../lib/january-types";
import { passwordOf, type Role, sharedSetUps, TRANSPORTS, usernameOf } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { OPERATION_ROWS } from "./operations";
import { type Block, type Envelope, freshId, Http1Wire, Http2Wire, type RawClient } from "./raw/raw-client";
import { req } from "./requirements";

const JANUARY = "rrn-2025";
const STREAM = "/hiveot/sse";

/** The envelopes as they came, not as the raw client shows them. */
function envelopes(blocks: readonly Block[], event: string): Envelope[] {
    return blocks.flatMap((block) =>
        block.event === event && block.data !== undefined ? [JSON.parse(block.data) as Envelope] : []
    );
}

describe("HiveOT's clients of January 2026", () => {
    const setUps = sharedSetUps();

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            const clients: RawClient[] = [];

            async function connected(role: Role): Promise<RawClient> {
                const client = await (await setUps(transport)).connected(transport, role, JANUARY);
                clients.push(client);
                return client;
            }

            afterEach(async () => {
                // The raw client knows of members too, not only of types
                expect(clients.flatMap(({ stream }) => stream?.faults ?? [])).to.deep.equal([]);
                await Promise.all(clients.splice(0).map((client) => client.close()));
                (await setUps(transport)).reset();
            });

            req(
                ["JAN-decodable", "JAN-response"],
                "in Go can decode the answer to each operation: done, of an unknown target, without input, refused",
                async () => {
                    const [admin, nobody] = [await connected("admin"), await connected("none")];
                    for (const { operation, target = {}, unknown = {} } of OPERATION_ROWS) {
                        const request = { operation, thingID: COUNTER_ID, ...target };
                        await admin.call(request);
                        await admin.call({ ...request, thingID: "urn:nothing" });
                        await admin.call({ ...request, ...unknown });
                        await admin.call({ operation, thingID: COUNTER_ID, name: "count", input: { a: [1] } });
                        await admin.call({ operation });
                        await nobody.call(request);
                    }
                    await admin.call({ operation: "readEverything", thingID: COUNTER_ID });
                    const operations = new Set<unknown>();
                    const failures = new Set<unknown>();
                    for (const client of [admin, nobody]) {
                        const answers = envelopes(client.stream?.blocks ?? [], "response");
                        for (const answer of answers) {
                            checkJanuaryResponse(answer);
                            expect(answer).to.not.have.any.keys("output", "status", "consumerID");
                            (answer["error"] === null ? operations : failures).add(answer["operation"]);
                        }
                    }
                    const all = OPERATION_ROWS.map(({ operation }) => operation);
                    const notInvoked = ["cancelaction"]; // nothing is there to be cancelled; see below
                    expect([...operations]).to.have.members(all.filter((each) => !notInvoked.includes(each)));
                    expect([...failures]).to.have.members([...all, "readEverything"]);
                }
            );

            req(
                "JAN-decodable",
                "in Go can decode what it hears of properties, events and actions, and what becomes of an invocation",
                async () => {
                    const { counter } = await setUps(transport);
                    const client = await connected("admin");
                    for (const operation of ["observeallproperties", "subscribeallevents", "observeallactions"]) {
                        await client.call({ operation });
                    }
                    const on = { thingID: COUNTER_ID };
                    await client.call({ operation: "invokeaction", ...on, name: "slow", input: 1 });
                    await counter.setCount(7);
                    for (const value of [5, null, "text", { a: 1 }, [1]]) counter.tick(value as never);
                    const release = counter.hold();
                    const correlationID = freshId("action");
                    const invoked = client.call({
                        ...{ operation: "invokeaction", ...on, name: "slow", input: 1 },
                        correlationID,
                    });
                    await counter.invoked("slow");
                    for (const operation of ["queryaction", "cancelaction"]) {
                        await client.call({ operation, ...on, name: "slow", input: correlationID });
                    }
                    await invoked;
                    release();
                    for (const operation of ["queryallactions", "readallevents"])
                        await client.call({ operation, ...on });
                    const blocks = client.stream?.blocks ?? [];
                    for (const answer of envelopes(blocks, "response")) checkJanuaryResponse(answer);
                    const notified = envelopes(blocks, "notification");
                    for (const notification of notified) checkJanuaryNotification(notification);
                    const about = new Set(notified.map(({ operation }) => operation));
                    expect(about).to.deep.equal(new Set(["observeproperty", "subscribeevent", "invokeaction"]));
                }
            );
        });
    }

    req(
        "JAN-js-client",
        "in JavaScript logs in, has its stream over HTTP/1.1 and POSTs over HTTP/2, without ids, and refreshes",
        async () => {
            const setUp = await setUps("TLS h2");
            const wires = { origin: setUp.origin, ca: setUp.certificate.cert };
            const [forStream, forPosts] = [new Http1Wire(wires), new Http2Wire(wires)];
            try {
                const cid = freshId("js");
                const common = { cid, "content-type": "application/json", origin: "https://localhost:8444" };
                const login = await forPosts.request("POST", "/authn/login", {
                    headers: { ...common, authorization: "bearer ", "message-id": "" },
                    body: JSON.stringify({ login: usernameOf("operator"), password: passwordOf("operator") }),
                });
                expect(login.status).to.equal(200);
                const { token } = JSON.parse(login.body) as { token: string };

                const headers = { ...common, authorization: `bearer ${token}` };
                const stream = await forStream.openStream(STREAM, {
                    ...headers,
                    accept: "text/event-stream",
                    "accept-encoding": "br, gzip, deflate",
                });
                expect(stream.status).to.equal(200);
                await stream.next(({ event }) => event === "sse-ping");
                const request = {
                    messageType: "request",
                    messageID: freshId("m"),
                    operation: "invokeaction",
                    thingID: COUNTER_ID,
                    name: "increment",
                    senderID: usernameOf("operator"),
                    input: 2,
                };
                const posted = await forPosts.request("POST", "/hiveot/request", {
                    headers,
                    body: JSON.stringify(request),
                });
                expect(posted).to.include({ status: 201, body: "" });
                const answer = await stream.next(({ event }) => event === "response");
                expect(answer.json).to.include({ operation: "invokeaction", error: null, name: "increment" });
                expect(answer.json?.["value"]).to.include({ state: "completed", output: 2 });

                const refresh = await forPosts.request("POST", "/authn/refresh", {
                    headers: { ...headers, "message-id": "" },
                    body: JSON.stringify({ clientID: usernameOf("operator"), oldToken: token }),
                });
                expect(refresh.status).to.equal(200);
                const fresh = JSON.parse(refresh.body) as unknown;
                expect(fresh).to.be.a("string").and.not.equal(token);
                const again = await forPosts.request("POST", "/hiveot/request", {
                    headers: { ...headers, authorization: `bearer ${String(fresh)}` },
                    body: JSON.stringify({ ...request, messageID: freshId("m") }),
                });
                expect(again).to.include({ status: 201 });
                const second = await stream.next(({ event }) => event === "response");
                expect(second.json?.["value"]).to.include({ state: "completed", output: 4 });
                stream.destroy();
            } finally {
                await forStream.close();
                await forPosts.close();
                setUp.reset();
            }
        }
    );
});
