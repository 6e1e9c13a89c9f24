/** A stream that drops and comes back: what was missed follows, each once, and nothing is done twice (PROTOCOL.md, "Resume"). */
import { expect } from "chai";
import type { RawClient, RequestHeaders } from "../conformance/raw/raw-client";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, SetUp, TRANSPORTS, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const OURS = { "hiveot-features": "resume" };

describe("a stream that is resumed", () => {
    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let setUp: SetUp;
            let client: RawClient;

            async function start(server: object = { lingerTime: 60_000 }): Promise<void> {
                setUp = await SetUp.start({ secure: isSecure(transport), server, things: [COUNTER_ID] });
                onEnd(() => setUp.stop());
                client = await clientOf(transport);
            }

            async function clientOf(by: Transport): Promise<RawClient> {
                const made = await setUp.client(by, "operator");
                onEnd(() => made.close());
                return made;
            }

            async function open(headers: Record<string, string>): Promise<string> {
                const stream = await client.openStream({ cid: "c", headers });
                const ping = await stream.next(({ event }) => event === "sse-ping");
                return (ping as { id?: string }).id ?? "";
            }

            async function drop(): Promise<void> {
                client.stream!.destroy();
                await eventually("the stream is gone", () => setUp.server.status.lingering === 1);
            }

            const heard = (): unknown[] => client.stream!.notifications().map(({ value }) => value);

            it("has what was missed, in order and once, and its subscriptions", async () => {
                await start();
                await open(OURS);
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                setUp.counter.tick("one");
                await client.stream!.notification({ value: "one" });
                const last = client.stream!.blocks.at(-1)?.id ?? "";
                await drop();
                setUp.counter.tick("two");
                setUp.counter.tick("three");
                const id = await open({ ...OURS, "last-event-id": last });
                expect([id, client.stream!.headers["hiveot-resume"]]).to.deep.equal([last, "resumed"]);
                expect(setUp.server.status).to.include({ sessions: 1, lingering: 0 });
                setUp.counter.tick("four");
                await client.stream!.notification({ value: "four" });
                expect(heard()).to.deep.equal(["two", "three", "four"]);
            });

            it("is resumed by a client that knows nothing but Last-Event-ID, while the old one is still there too", async () => {
                await start();
                await open({});
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                setUp.counter.tick("one");
                await client.stream!.notification({ value: "one" });
                const old = client.stream!;
                const last = old.blocks.at(-1)?.id ?? "";
                await open({ "last-event-id": last });
                await old.closed;
                setUp.counter.tick("two");
                await client.stream!.notification({ value: "two" });
                expect([heard(), client.stream!.headers["hiveot-resume"]]).to.deep.equal([["two"], undefined]);
            });

            it("has the response to a request that was made while it was away", async () => {
                await start();
                const id = await open(OURS);
                await drop();
                const request = { operation: "ping", correlationID: "away" };
                expect((await client.post("/hiveot/request", request)).status).to.equal(201);
                await open({ ...OURS, "last-event-id": id });
                expect((await client.stream!.response("away")).json).to.include({ output: "pong" });
            });

            it("begins anew with a gap where the server cannot tell what was missed, and without subscriptions", async () => {
                await start({ lingerTime: 60_000, outboxFrames: 2 });
                const id = await open(OURS);
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                await drop();
                for (const value of ["one", "two", "three"]) setUp.counter.tick(value);
                const next = await open({ ...OURS, "last-event-id": id });
                expect(client.stream!.headers["hiveot-resume"]).to.equal("gap");
                expect(setUp.server.status).to.include({ subscribers: 0, sessions: 1, lingering: 0 });
                const ofAnotherLife = next.replace(/^[^-]+/, "0badbad0");
                for (const lastEventId of ["nonsense", ofAnotherLife, next.replace(/\d+$/, "999999")]) {
                    await open({ ...OURS, "last-event-id": lastEventId });
                    expect(client.stream!.headers["hiveot-resume"], lastEventId).to.equal("gap");
                }
            });

            it("has what is left after a gap, and its subscriptions, where its client knows nothing of gaps", async () => {
                await start({ lingerTime: 60_000, outboxFrames: 2 });
                const id = await open({});
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                for (const [lastEventId, value] of [
                    [id, "one"],
                    ["0badbad0-999999", "two"],
                ] as const) {
                    for (const each of ["lost", `${value} before`]) setUp.counter.tick(each);
                    await client.stream!.notification({ value: `${value} before` });
                    await drop();
                    setUp.counter.tick(value);
                    await open({ "last-event-id": lastEventId });
                    setUp.counter.tick("then");
                    await client.stream!.notification({ value: "then" });
                    expect(heard(), lastEventId).to.deep.equal([`${value} before`, value, "then"]);
                }
            });

            it("is a new one for a stream of another dialect, and for one that does not resume in the same way", async () => {
                await start();
                const other = await setUp.client(transport, "operator", "rrn-2025");
                onEnd(() => other.close());
                for (const [headers, by] of [
                    [{}, client],
                    [OURS, other],
                ] as const) {
                    const id = await open(OURS);
                    await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    expect(setUp.server.status).to.include({ subscribers: 1, sessions: 1 });
                    const old = client.stream!;
                    const stream = await by.openStream({ cid: "c", headers: { ...headers, "last-event-id": id } });
                    await stream.next(({ event }) => event === "sse-ping");
                    await old.closed;
                    expect(setUp.server.status).to.include({ subscribers: 0, sessions: 1, lingering: 0 });
                }
            });

            // Its timer is that of every transport
            if (transport === "plain h1") {
                it("stays when the time is up that it had to come back", async () => {
                    await start({ lingerTime: 1_000 });
                    const id = await open(OURS);
                    await drop();
                    await open({ ...OURS, "last-event-id": id });
                    expect(client.stream!.headers["hiveot-resume"]).to.equal("resumed");
                    const later = await clientOf(transport);
                    await (
                        await later.openStream({ cid: "d", headers: OURS })
                    ).next(({ event }) => event === "sse-ping");
                    later.stream!.destroy();
                    await eventually("the later one lingers", () => setUp.server.status.lingering === 1);
                    await eventually("the later one is gone", () => setUp.server.status.lingering === 0);
                    expect((await client.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
                });
            }

            it("is forgotten after lingerTime", async () => {
                await start({ lingerTime: 30 });
                const id = await open(OURS);
                client.stream!.destroy();
                await eventually("gone", () => setUp.server.status.lingering + setUp.server.status.sessions === 0);
                const reply = await client.post("/hiveot/request", { operation: "ping", correlationID: "late" });
                expect(reply.status).to.equal(400);
                expect(reply.body).to.include("NO_SESSION");
                await open({ ...OURS, "last-event-id": id });
                expect(client.stream!.headers["hiveot-resume"]).to.equal("gap");
            });

            it("is forgotten at once when its client says that it does not come back, with a stream or without", async () => {
                await start();
                const farewell = async (headers: RequestHeaders, by = client): Promise<number> =>
                    (await by.request("DELETE", "/hiveot/ssesc", { headers })).status;
                for (const drops of [true, false]) {
                    const id = await open(OURS);
                    await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                    if (drops) await drop();
                    const other = await setUp.client(transport, "manager");
                    onEnd(() => other.close());
                    for (const headers of [{}, { ...client.headers(), cid: "" }, { cid: "c" }]) {
                        expect(await farewell(headers)).to.be.within(400, 401);
                    }
                    expect(await farewell({ ...other.headers(), cid: "c" }, other)).to.equal(204);
                    expect(await farewell({ ...client.headers(), cid: "another" })).to.equal(204);
                    const { lingering, sessions } = setUp.server.status;
                    expect([lingering, sessions]).to.deep.equal(drops ? [1, 0] : [0, 1]);
                    const before = client.stream!;
                    expect(await farewell({ ...client.headers(), cid: "c" })).to.equal(204);
                    await before.closed;
                    expect(setUp.server.status).to.include({
                        lingering: 0,
                        sessions: 0,
                        subscribers: 0,
                        outboxBytes: 0,
                    });
                    const reply = await client.post("/hiveot/request", { operation: "ping", correlationID: "late" });
                    expect(reply.body).to.include("NO_SESSION");
                    await open({ ...OURS, "last-event-id": id });
                    expect(client.stream!.headers["hiveot-resume"]).to.equal("gap");
                    expect(await farewell({ ...client.headers(), cid: "c" })).to.equal(204);
                }
            });

            it("is nobody else's, whatever cid he names", async () => {
                await start();
                const id = await open(OURS);
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                await drop();
                setUp.counter.tick("secret");
                const other = await setUp.client(transport, "admin");
                onEnd(() => other.close());
                const stream = await other.openStream({ cid: "c", headers: { ...OURS, "last-event-id": id } });
                expect(stream.headers["hiveot-resume"]).to.equal("gap");
                expect((await other.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
                expect(stream.notifications()).to.deep.equal([]);
            });

            it("gives way, the longest away first, where a client has too many", async () => {
                await start({ lingerTime: 60_000, maxConnectionsPerClient: 2 });
                for (const cid of ["first", "second", "third"]) {
                    const stream = await client.openStream({ cid, headers: OURS });
                    await stream.next(({ event }) => event === "sse-ping");
                    if (cid !== "third") stream.destroy();
                    if (cid === "first") await eventually("lingers", () => setUp.server.status.lingering === 1);
                }
                await eventually("one lingers", () => setUp.server.status.lingering === 1);
                expect(setUp.server.status.sessions).to.equal(1);
            });

            it("gives way, his own ahead of others', where there are too many; streams that are there do not", async () => {
                await start({ lingerTime: 60_000, maxConnections: 2, maxConnectionsPerClient: 2 });
                const others = await setUp.client(transport, "viewer");
                const third = await setUp.client(transport, "manager");
                for (const each of [others, third]) onEnd(() => each.close());
                const status = async (by: RawClient, cid: string, lastEventId?: string): Promise<string> => {
                    const headers = { ...OURS, ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }) };
                    const stream = await by.openStream({ cid, headers });
                    if (stream.status !== 200) return String(stream.status);
                    await stream.next(({ event }) => event === "sse-ping");
                    return stream.headers["hiveot-resume"] ?? "new";
                };
                await status(others, "others");
                const id = others.stream!.blocks[0]?.id;
                others.stream!.destroy();
                await eventually("lingers", () => setUp.server.status.lingering === 1);
                await status(client, "old");
                client.stream!.destroy();
                await eventually("lingers", () => setUp.server.status.lingering === 2);
                expect(await status(client, "mine"), "in the place of his own").to.equal("new");
                expect(await status(others, "others", id), "though it was away for longer").to.equal("resumed");
                expect(await status(third, "third")).to.equal("503");
                expect(await status(client, "mine"), "his own place").to.equal("new");
                others.stream!.destroy();
                await eventually("lingers", () => setUp.server.status.lingering === 1);
                expect(await status(third, "third"), "in the place of another's").to.equal("new");
                expect(setUp.server.status).to.include({ sessions: 2, lingering: 0 });
            });

            it("is not carried out again when its POST is repeated", async () => {
                await start();
                await open(OURS);
                const request = { operation: "invokeaction", thingID: COUNTER_ID, name: "increment", input: 2 };
                const first = { ...request, correlationID: "a", messageID: "m" };
                for (const again of [first, first, { ...first, correlationID: "b" }]) {
                    expect((await client.post("/hiveot/request", again)).status).to.equal(201);
                }
                await client.stream!.response("a");
                await client.call({ ...request, messageID: "other" });
                expect(setUp.counter.invocations).to.have.length(2);
                const answers = client.stream!.blocks.filter(({ json }) => json?.["correlationID"] === "a");
                expect(answers, "nor answered again").to.have.length(1);
            });

            it("has the answer of a repeated request again, if it is not kept any more", async () => {
                await start({ lingerTime: 60_000, outboxFrames: 1 });
                await open(OURS);
                const write = { operation: "writeproperty", thingID: COUNTER_ID, name: "count", input: 2 };
                const request = { ...write, correlationID: "a", messageID: "m" };
                await client.post("/hiveot/request", request);
                await client.stream!.response("a");
                await client.call({ operation: "ping" });
                const answers = (): number =>
                    client.stream!.blocks.filter(({ json }) => json?.["correlationID"] === "a").length;
                expect(answers()).to.equal(1);
                await client.post("/hiveot/request", request);
                await eventually("answered again", () => answers() === 2);
            });
        });
    }
});
