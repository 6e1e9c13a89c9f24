/** Consumers of both dialects at the same Things at the same time. Over every transport, with raw clients and node-wot. */
import { expect } from "chai";
import { COUNTER_ID, PROGRESS } from "../support/things";
import { type Role, sharedSetUps, TRANSPORTS } from "../support/set-ups";
import type { Consumer, Target } from "./consumers";
import { NodeWotConsumer } from "./node-wot-consumer";
import { RawConsumer } from "./raw-consumer";
import { type Dialect, type Envelope, freshId, type RawClient, STREAM_PATHS } from "./raw/raw-client";
import { req } from "./requirements";

const PAIRS: readonly (readonly [Dialect, Dialect])[] = [
    ["rrn", "rrn-2025"],
    ["rrn-2025", "rrn"],
];

function on(name: string, input?: unknown): Target {
    return { thingId: COUNTER_ID, name, ...(input === undefined ? {} : { input }) };
}

describe("both dialects at once", () => {
    const setUps = sharedSetUps();
    const januarySetUps = sharedSetUps({ server: { streamPath: STREAM_PATHS["rrn-2025"] } });

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            const consumers: Consumer[] = [];

            async function raw(dialect: Dialect, role: Role = "operator"): Promise<RawConsumer> {
                const consumer = new RawConsumer(await (await setUps(transport)).connected(transport, role, dialect));
                consumers.push(consumer);
                return consumer;
            }

            /** One of each dialect, both of the same account. */
            async function pair(role?: Role): Promise<[RawConsumer, RawConsumer]> {
                return [await raw("rrn", role), await raw("rrn-2025", role)];
            }

            afterEach(async () => {
                await Promise.all(consumers.splice(0).map((each) => each.close()));
                (await setUps(transport)).reset();
            });

            req("JAN-side-by-side", "both observe a property and hear the same in the same order", async () => {
                const { counter } = await setUps(transport);
                const listening = await Promise.all(
                    (await pair()).map((each) => each.listen("observeproperty", on("count")))
                );
                for (const value of [1, 2, 3]) await counter.setCount(value);
                for (const each of listening) {
                    for (const value of [1, 2, 3]) {
                        expect(await each.next()).to.deep.equal({ affordance: "property", ...on("count"), value });
                    }
                }
            });

            req("JAN-side-by-side", "a node-wot consumer hears it too, and reads what the others wrote", async () => {
                const setUp = await setUps(transport);
                const wot = await NodeWotConsumer.connect(setUp, transport, "manager");
                consumers.push(wot);
                const [august, january] = await pair("manager");
                const listening = await Promise.all(
                    [wot, august, january].map((each) => each.listen("observeproperty", on("count")))
                );
                for (const [value, writer] of [august, january, wot].entries()) {
                    expect(await writer.perform("writeproperty", on("count", value))).to.include({ ok: true });
                    for (const each of listening) expect(await each.next()).to.include({ value });
                    for (const reader of [wot, august, january]) {
                        expect(await reader.perform("readproperty", on("count"))).to.include({ output: value });
                    }
                }
            });

            req(
                ["JAN-side-by-side", "ENV-progress-audience"],
                "both invoke, and each hears the progress of its own",
                async () => {
                    const runs = (await pair()).map((each, n) => each.invoke(on("slow", n)));
                    for (const [n, running] of runs.entries()) {
                        expect(await running.outcome).to.deep.equal({ ok: true, output: n });
                        expect(running.progress()).to.deep.equal(PROGRESS);
                    }
                }
            );

            for (const [caller, observer] of PAIRS) {
                req(
                    "JAN-side-by-side",
                    `progress of an invocation in ${caller} reaches an observer in ${observer}`,
                    async () => {
                        const heard = await (await raw(observer, "viewer")).listen("observeaction", on("slow"));
                        await (await raw(caller)).invoke(on("slow", 1)).outcome;
                        for (const value of PROGRESS) {
                            expect(await heard.next()).to.deep.equal({ affordance: "action", ...on("slow"), value });
                        }
                    }
                );

                req(
                    "JAN-action-id",
                    `an invocation in ${caller} is queried and cancelled by its id in ${observer}`,
                    async () => {
                        const { counter } = await setUps(transport);
                        const release = counter.hold();
                        const [invoking, other] = [await raw(caller), await raw(observer)];
                        const running = invoking.invoke(on("slow", 1));
                        await counter.invoked("slow");
                        const status = await other.perform("queryaction", on("slow", running.id));
                        if (!status.ok) throw new Error(status.title);
                        expect(status.output).to.include({
                            status: "running",
                            correlationID: running.id,
                            name: "slow",
                        });
                        expect(await other.perform("cancelaction", on("slow", running.id))).to.deep.equal({
                            ok: true,
                            output: undefined,
                        });
                        expect(await running.outcome).to.include({ ok: false, code: "CANCELLED" });
                        const all = await other.perform("queryallactions", { thingId: COUNTER_ID });
                        if (!all.ok) throw new Error(all.title);
                        expect((all.output as Record<string, Envelope>)["slow"]).to.include({ status: "failed" });
                        release();
                    }
                );
            }

            req("JAN-replaces", "a stream of the other dialect with the same cid ends the old session", async () => {
                const { counter } = await setUps(transport);
                const [august, january] = await pair();
                await august.listen("subscribeevent", on("tick"));
                const old = august.client.stream;
                const fresh = await january.client.openStream({ cid: String(august.client.cid) });
                await old?.next(({ comment }) => comment === "replaced");
                await old?.closed;
                await fresh.next(({ event }) => event === "sse-ping");
                counter.tick("unheard");
                expect(await january.perform("ping")).to.deep.equal({ ok: true, output: "pong" });
                expect(fresh.notifications()).to.deep.equal([]);
            });

            req(
                "JAN-without-stream",
                "a response or notification without a stream is read by what it shows",
                async () => {
                    const client: RawClient = (await raw("rrn", "device")).client;
                    const cid = freshId("none");
                    const january = {
                        messageType: "notification",
                        operation: "subscribeevent",
                        thingID: "t",
                        name: "e",
                        value: 1,
                    };
                    const august = {
                        messageType: "notification",
                        affordanceType: "event",
                        thingID: "t",
                        name: "e",
                        value: 1,
                    };
                    const answer = { messageType: "response", operation: "ping", correlationID: "nobody" };
                    const expected: readonly (readonly [string, Envelope, number])[] = [
                        ["/hiveot/notification", january, 200],
                        ["/hiveot/notification", august, 204],
                        ["/hiveot/response", { ...answer, value: null, error: null }, 200],
                        ["/hiveot/response", { ...answer, status: "completed" }, 204],
                    ];
                    for (const [path, envelope, status] of expected) {
                        expect(await client.post(path, envelope, { cid }), JSON.stringify(envelope)).to.include({
                            status,
                            body: "",
                        });
                    }
                }
            );
        });
    }

    req("JAN-td", "a server whose streamPath is that of January says so in its TDs", async () => {
        const setUp = await januarySetUps("TLS h2");
        const path = STREAM_PATHS["rrn-2025"];
        const td = setUp.server.getThingDescription(COUNTER_ID) as unknown as Record<string, Record<string, unknown>>;
        expect(td["base"]).to.equal(`sse://${setUp.authority}${path}`);
        const { forms } = td["properties"]?.["count"] as { forms: Envelope[] };
        expect(forms[0]).to.include({ "hiveot:stream": path, href: `sse://${setUp.authority}/hiveot/request` });
    });
});
