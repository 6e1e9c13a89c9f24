import { expect } from "chai";
import type { Channel, ChannelReceiver, SendOptions } from "../../lib/channel";
import { SseScError } from "../../lib/errors";
import { createResponse, type Message, type RequestMessage } from "../../lib/messages";
import { Peer, type PathListener } from "../../lib/peer";
import { codeOf, failure } from "../support/failures";

/** The near end of a path: the test plays the far end. */
class FarEnd implements Channel {
    receiver!: ChannelReceiver;
    /** What was sent, in order. */
    readonly sent: RequestMessage[] = [];
    readonly queries: (string | undefined)[] = [];
    answer: (request: RequestMessage) => unknown = () => undefined;
    /** What each send waits for before the message leaves, and before it is known to have been taken. */
    opening: Promise<void> | undefined;
    taking: Promise<void> | undefined;

    attach(receiver: ChannelReceiver): void {
        this.receiver = receiver;
    }

    async send(message: Message, { isWanted, query }: SendOptions = {}): Promise<void> {
        if (this.opening !== undefined) await this.opening;
        if (isWanted?.() === false) throw new SseScError("ABORTED");
        if (message.kind !== "request") return;
        this.sent.push(message);
        this.queries.push(query);
        const output = this.answer(message);
        if (this.taking !== undefined) await this.taking;
        if (output !== undefined) this.receiver.received(createResponse(message, { output }), {});
    }

    close(): void {
        this.receiver.closed(new SseScError("ALREADY_CLOSED"));
    }

    get operations(): string[] {
        return this.sent.map(({ operation }) => operation);
    }
}

function connected(path?: PathListener): { peer: Peer; far: FarEnd } {
    const far = new FarEnd();
    return { far, peer: new Peer(far, { path }) };
}

/** A promise, and what settles it. */
function gate(): { promise: Promise<void>; open: () => void } {
    let open = (): void => undefined;
    const promise = new Promise<void>((resolve) => (open = resolve));
    return { promise, open };
}

async function turns(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

const STATUS = {
    kind: "response",
    thingId: "t",
    name: "a",
    status: "running",
    output: 5,
    correlationId: "id",
    timestamp: "2026-08-20T10:00:00Z",
};
const READING = { thingId: "t", name: "e", value: 5, timestamp: "2026-08-20T10:00:00Z" };
const EVENT = { kind: "notification", affordance: "event", ...READING, senderId: "t" };

describe("PeerOperations", () => {
    describe("answers", () => {
        const { peer, far } = connected();
        const answered = (output: unknown): Peer => {
            far.answer = () => output;
            return peer;
        };

        it("of all and several properties are records", async () => {
            const values = JSON.parse('{"a":1,"__proto__":2}') as unknown;
            expect(await answered(values).readAllProperties("t")).to.deep.equal(values);
            expect(await answered({ a: 1 }).readMultipleProperties("t", ["a"])).to.deep.equal({ a: 1 });
            expect(await answered(null).readAllProperties("t"), "a Go map without entries").to.deep.equal({});
            for (const output of [[], "text", 5, true]) {
                const { code, message } = await failure(answered(output).readAllProperties("t"));
                expect([code, message]).to.deep.equal([
                    "PEER_FAILED",
                    "The answer to readallproperties cannot be used: it is no object",
                ]);
                expect(await codeOf(answered(output).readMultipleProperties("t", []))).to.equal("PEER_FAILED");
            }
        });

        it("of queryaction are the status of an invocation", async () => {
            expect(await answered(STATUS).queryAction("t", "a")).to.deep.equal({
                actionId: "id",
                thingId: "t",
                name: "a",
                status: "running",
                output: 5,
                error: undefined,
                updated: "2026-08-20T10:00:00Z",
            });
            const error = { status: 409, type: "urn:hiveot-ssesc:problem:CANCELLED", title: "no" };
            const failed = await answered({ ...STATUS, status: "failed", error }).queryAction("t", "a");
            expect(failed.error).to.be.instanceOf(SseScError).and.include({ code: "CANCELLED", status: 409 });
            const silent = await answered({ ...STATUS, status: "failed" }).queryAction("t", "a");
            expect(silent.error).to.include({ code: "PEER_FAILED", status: 500 });
        });

        it("of queryaction that are nothing mean that there is no invocation", async () => {
            expect(await codeOf(answered(null).queryAction("t", "a"))).to.equal("NO_INVOCATION");
        });

        it("of queryaction that are something else fail, naming what is wrong", async () => {
            const wrong: [unknown, string][] = [
                ["completed", "it is no status of an action"],
                [[STATUS], "it is no status of an action"],
                [{ ...STATUS, kind: "notification" }, "it is no status of an action"],
                [{ ...STATUS, status: "done" }, "its status is not pending, running, completed, failed"],
                [{ ...STATUS, correlationId: 5 }, "its correlationId is not a string"],
                [{ ...STATUS, thingId: undefined }, "its thingId is not a string"],
                [{ ...STATUS, name: null }, "its name is not a string"],
                [{ ...STATUS, timestamp: 0 }, "its timestamp is not a string"],
                [{ ...STATUS, error: "no" }, "its error is not a problem"],
                [{ ...STATUS, error: { status: "400", type: "", title: "" } }, "its error is not a problem"],
                [{ ...STATUS, error: { status: 400, type: 1, title: "" } }, "its error is not a problem"],
                [{ ...STATUS, error: { status: 400, type: "" } }, "its error is not a problem"],
            ];
            for (const [output, reason] of wrong) {
                const { code, message } = await failure(answered(output).queryAction("t", "a"));
                expect(code).to.equal("PEER_FAILED");
                expect(message).to.equal(`The answer to queryaction cannot be used: ${reason}`);
            }
        });

        it("of queryallactions are statuses by name; what is nothing is left out", async () => {
            const all = await answered({ a: STATUS, none: null }).queryAllActions("t");
            expect(Object.keys(all)).to.deep.equal(["a"]);
            expect(all["a"]?.actionId).to.equal("id");
            expect(await codeOf(answered({ a: 5 }).queryAllActions("t"))).to.equal("PEER_FAILED");
            expect(await codeOf(answered([STATUS]).queryAllActions("t"))).to.equal("PEER_FAILED");
        });

        it("of readevent and readallevents are what happened", async () => {
            expect(await answered(EVENT).readEvent("t", "e")).to.deep.equal(READING);
            expect(await answered(null).readEvent("t", "e")).to.equal(undefined);
            expect(await answered({ e: EVENT, none: null }).readAllEvents("t")).to.deep.equal({ e: READING });
            expect(await codeOf(answered(5).readEvent("t", "e"))).to.equal("PEER_FAILED");
            expect(await codeOf(answered({ ...EVENT, name: 1 }).readEvent("t", "e"))).to.equal("PEER_FAILED");
            expect(await codeOf(answered({ e: 5 }).readAllEvents("t"))).to.equal("PEER_FAILED");
            expect(await codeOf(answered("e").readAllEvents("t"))).to.equal("PEER_FAILED");
        });
    });

    describe("uriVariables", () => {
        it("become the query of a request and of a subscription", async () => {
            const { peer, far } = connected();
            far.answer = () => 1;
            const uriVariables = {
                text: "a b&c=ü+",
                number: 1.5,
                yes: true,
                none: undefined,
                nil: null,
                list: [1, "x"],
            };
            await peer.readProperty("t", "p", { uriVariables });
            await peer.subscribeEvent("t", "e", { onNotification: () => undefined }, { uriVariables: { ä: 1 } });
            await peer.readProperty("t", "p", { query: "a=1", uriVariables: { b: 2 } });
            await peer.readProperty("t", "p", { query: "a=1" });
            expect(far.queries).to.deep.equal([
                "text=a%20b%26c%3D%C3%BC%2B&number=1.5&yes=true&nil=null&list=%5B1%2C%22x%22%5D",
                "%C3%A4=1",
                "a=1&b=2",
                "a=1",
            ]);
        });

        it("that cannot be sent fail the request", async () => {
            const { peer, far } = connected();
            const { code, message } = await failure(peer.readProperty("t", "p", { uriVariables: { big: 1n } }));
            expect([code, message]).to.deep.equal(["INVALID_INPUT", "The uriVariable big cannot be sent"]);
            expect(await codeOf(peer.readProperty("t", "p", { uriVariables: { half: "\ud800" } }))).to.equal(
                "INVALID_INPUT"
            );
            expect(far.sent).to.deep.equal([]);
        });
    });

    describe("#startAction", () => {
        it("resolves when the other side has taken the invocation, and not sooner", async () => {
            const { peer, far } = connected();
            const taken = gate();
            far.taking = taken.promise;
            let started = false;
            const starting = peer.startAction("t", "a", 1).then((action) => {
                started = true;
                return action;
            });
            await turns();
            expect([started, far.operations]).to.deep.equal([false, ["invokeaction"]]);
            taken.open();
            const { actionId, result } = await starting;
            expect(actionId).to.equal(far.sent[0]?.correlationId);
            peer.close(); // it waits for the answer no more
            expect(await codeOf(result)).to.equal("OUTCOME_UNKNOWN");
        });

        it("rejects when the invocation could not be sent, and its result may be left alone", async () => {
            const { peer, far } = connected();
            far.opening = Promise.reject(new SseScError("CONNECT_FAILED"));
            expect(await codeOf(peer.startAction("t", "a"))).to.equal("CONNECT_FAILED");
            far.opening = undefined;
            await peer.startAction("t", "a");
            peer.close(); // nothing unhandled
        });

        it("resolves where the answer comes before the acknowledgement", async () => {
            const { peer, far } = connected();
            far.answer = (request) => {
                far.receiver.received(createResponse(request, { output: 7 }), {});
                return undefined;
            };
            far.taking = gate().promise;
            expect(await (await peer.startAction("t", "a")).result).to.equal(7);
        });
    });

    describe("an invocation whose caller gives up", () => {
        it("is not cancelled on the other side where it was never sent", async () => {
            const { peer, far } = connected();
            expect(await codeOf(peer.invokeAction("t", "a", 1, { signal: AbortSignal.abort() }))).to.equal("ABORTED");
            const opened = gate();
            far.opening = opened.promise;
            const giveUp = new AbortController();
            const invocation = codeOf(peer.invokeAction("t", "a", 1, { signal: giveUp.signal }));
            giveUp.abort();
            expect(await invocation).to.equal("ABORTED");
            opened.open();
            await turns();
            expect(far.sent).to.deep.equal([]);
        });

        it("is cancelled when it has been taken: the cancellation must not overtake it", async () => {
            const { peer, far } = connected();
            const taken = gate();
            far.taking = taken.promise;
            const giveUp = new AbortController();
            const invocation = codeOf(peer.invokeAction("t", "a", 1, { signal: giveUp.signal }));
            giveUp.abort();
            expect(await invocation).to.equal("ABORTED");
            await turns();
            expect(far.operations).to.deep.equal(["invokeaction"]);
            taken.open();
            await turns();
            expect(far.operations).to.deep.equal(["invokeaction", "cancelaction"]);
            peer.close();
        });

        it("is not cancelled where it failed for another reason before", async () => {
            const { peer, far } = connected();
            const giveUp = new AbortController();
            const invocation = codeOf(peer.invokeAction("t", "a", 1, { signal: giveUp.signal }));
            far.receiver.dropped(new SseScError("CONNECTION_LOST"));
            giveUp.abort();
            expect(await invocation).to.equal("OUTCOME_UNKNOWN");
            await turns();
            expect(far.operations).to.deep.equal(["invokeaction"]);
        });
    });

    describe("a request that never left", () => {
        it("fails with TIMEOUT or with what ended the path, even where it is not safe to repeat", async () => {
            const { peer, far } = connected();
            far.opening = gate().promise;
            expect(await codeOf(peer.writeProperty("t", "p", 1, { timeout: 1 }))).to.equal("TIMEOUT");
            const write = codeOf(peer.writeProperty("t", "p", 1));
            far.receiver.closed(new SseScError("UNAUTHORIZED"));
            expect(await write).to.equal("UNAUTHORIZED");
        });
    });

    describe("a subscription whose caller gives up", () => {
        const NOTHING = { onNotification: () => undefined };

        it("is not made where the signal is raised already", async () => {
            const { peer, far } = connected();
            const signal = AbortSignal.abort();
            expect(await codeOf(peer.subscribeEvent("t", "e", NOTHING, { signal }))).to.equal("ABORTED");
            expect(far.sent).to.deep.equal([]);
        });

        it("is ended on the other side once it has been acknowledged there", async () => {
            const { peer, far } = connected();
            const giveUp = new AbortController();
            const subscribing = codeOf(peer.subscribeEvent("t", "e", NOTHING, { signal: giveUp.signal }));
            giveUp.abort();
            expect(await subscribing).to.equal("ABORTED");
            await turns();
            expect(far.operations).to.deep.equal(["subscribeevent"]);
            const [request] = far.sent;
            far.receiver.received(createResponse(request!, {}), {});
            await turns();
            expect(far.operations).to.deep.equal(["subscribeevent", "unsubscribeevent"]);
            peer.close();
        });

        it("stands for the others who share it", async () => {
            const { peer, far } = connected();
            const giveUp = new AbortController();
            const heard: unknown[] = [];
            const leaving = codeOf(peer.subscribeEvent("t", "e", NOTHING, { signal: giveUp.signal }));
            const staying = peer.subscribeEvent("t", "e", { onNotification: ({ value }) => heard.push(value) });
            giveUp.abort();
            expect(await leaving).to.equal("ABORTED");
            far.receiver.received(createResponse(far.sent[0]!, {}), {});
            await staying;
            far.receiver.received({ ...EVENT, correlationId: "", messageId: "" } as Message, {});
            expect(heard).to.deep.equal([5]);
            expect(far.operations).to.deep.equal(["subscribeevent"]);
        });

        it("goes on where the signal is raised later", async () => {
            const { peer, far } = connected();
            far.answer = () => null;
            const giveUp = new AbortController();
            await peer.subscribeEvent("t", "e", NOTHING, { signal: giveUp.signal });
            giveUp.abort();
            await turns();
            expect(far.operations).to.deep.equal(["subscribeevent"]);
        });
    });

    it("tells of the path after what cannot be repeated has failed, and restored once all subscriptions are answered", async () => {
        const told: string[] = [];
        const { peer, far } = connected({
            dropped: ({ code }) => told.push(`dropped ${code}, ${String(peer.pendingRequests)} wait`),
            restored: () => told.push("restored"),
            closed: ({ code }) => told.push(`closed ${code}`),
        });
        far.answer = () => null;
        await peer.subscribeEvent("t", "e", {
            onNotification: () => undefined,
            onError: () => told.push("subscription ended"),
        });
        far.answer = () => undefined;
        const read = peer.readProperty("t", "p");
        const write = codeOf(peer.writeProperty("t", "p", 1));
        far.receiver.dropped(new SseScError("CONNECTION_LOST"));
        expect(await write).to.equal("OUTCOME_UNKNOWN");
        far.receiver.reopened();
        await turns();
        expect(told).to.deep.equal(["dropped CONNECTION_LOST, 1 wait"]);
        far.receiver.dropped(new SseScError("CONNECTION_LOST")); // the renewal under way is void
        await turns();
        far.answer = () => null;
        far.receiver.reopened();
        expect(await read).to.equal(null);
        await turns();
        far.close();
        expect(told.slice(1)).to.deep.equal([
            "dropped CONNECTION_LOST, 1 wait",
            "restored",
            "subscription ended",
            "closed ALREADY_CLOSED",
        ]);
    });
});
