import { EventEmitter, once } from "node:events";
import { expect } from "chai";
import type { Channel, ChannelReceiver, SendOptions } from "../../lib/channel";
import { SseScError } from "../../lib/errors";
import {
    createNotification,
    createProgress,
    createResponse,
    type Message,
    type RequestMessage,
} from "../../lib/messages";
import { Peer, type PeerOptions } from "../../lib/peer";
import { failure } from "../support/failures";

/** Two ends of one path inside this process; what one sends, the other receives in the next turn of the microtasks. */
class LocalChannel implements Channel {
    receiver: ChannelReceiver | undefined;
    readonly sent: Message[] = [];
    failure: SseScError | undefined;

    constructor(private readonly deliver: (message: Message) => void = () => undefined) {}

    attach(receiver: ChannelReceiver): void {
        this.receiver = receiver;
    }

    send(message: Message, { isWanted }: SendOptions = {}): Promise<void> {
        if (isWanted?.() === false) return Promise.reject(new SseScError("ABORTED"));
        if (this.failure !== undefined) return Promise.reject(this.failure);
        this.sent.push(message);
        this.deliver(message);
        return Promise.resolve();
    }

    close(): void {
        this.receiver?.closed(new SseScError("ALREADY_CLOSED"));
    }
}

/** A peer whose other side answers each request as told. */
function peerWith(answer: (request: RequestMessage, channel: LocalChannel) => void, options?: PeerOptions) {
    const channel = new LocalChannel((message) => {
        if (message.kind === "request") answer(message, channel);
    });
    return { peer: new Peer(channel, options), channel };
}

function respond(channel: LocalChannel, request: RequestMessage, output?: unknown): void {
    channel.receiver?.received(createResponse(request, { output }), {});
}

describe("Peer", () => {
    describe("#request", () => {
        it("resolves with the response that has its correlation id, in whatever order they come", async () => {
            const requests: RequestMessage[] = [];
            const { peer, channel } = peerWith((request) => requests.push(request));
            const outputs = ["a", "b", "c"].map((name) => peer.readProperty("t", name));
            for (const request of requests.reverse()) respond(channel, request, request.name);
            expect(await Promise.all(outputs)).to.deep.equal(["a", "b", "c"]);
            expect(peer.pendingRequests).to.equal(0);
        });

        it("rejects with the code that the other side gave", async () => {
            const { peer, channel } = peerWith((request) => {
                const error = { status: 404, type: "urn:hiveot-ssesc:problem:UNKNOWN_THING", title: "No such Thing" };
                channel.receiver?.received(createResponse(request, { error }), {});
            });
            expect(await failure(peer.readProperty("t", "p"))).to.include({ code: "UNKNOWN_THING", status: 404 });
        });

        it("rejects with PEER_FAILED when the error is none of ours", async () => {
            const { peer, channel } = peerWith((request) => {
                channel.receiver?.received(
                    createResponse(request, { error: { status: 400, type: "Bad request", title: "oh" } }),
                    {}
                );
            });
            expect(await failure(peer.ping())).to.include({ code: "PEER_FAILED", message: "oh" });
        });

        it("rejects with the error of a message that could not be sent", async () => {
            const { peer, channel } = peerWith(() => undefined);
            channel.failure = new SseScError("NO_SESSION");
            expect((await failure(peer.ping())).code).to.equal("NO_SESSION");
            expect(peer.pendingRequests).to.equal(0);
        });

        it("rejects safe requests with TIMEOUT and others with OUTCOME_UNKNOWN when no answer comes", async () => {
            const { peer } = peerWith(() => undefined, { requestTimeout: 1 });
            expect((await failure(peer.ping())).code).to.equal("TIMEOUT");
            expect((await failure(peer.invokeAction("t", "a"))).code).to.equal("OUTCOME_UNKNOWN");
        });

        it("rejects unsafe requests when the path drops, and sends safe ones again when it reopens", async () => {
            const { peer, channel } = peerWith((request) => {
                if (channel.sent.length > 2) respond(channel, request, "read");
            });
            const read = peer.readProperty("t", "p");
            const write = peer.writeProperty("t", "p", 1);
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"));
            expect((await failure(write)).code).to.equal("OUTCOME_UNKNOWN");
            expect(peer.pendingRequests).to.equal(1);
            channel.receiver?.reopened();
            expect(await read).to.equal("read");
            expect(channel.sent[2], "the same message").to.equal(channel.sent[0]);
            expect(channel.sent).to.have.length(3);
        });

        it("keeps all requests when the path drops that may resume; on a gap unsafe ones fail, safe ones are sent again", async () => {
            const { peer, channel } = peerWith((request) => {
                if (channel.sent.length > 2) respond(channel, request, "read");
            });
            const read = peer.readProperty("t", "p");
            const write = peer.writeProperty("t", "p", 1);
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"), true);
            channel.receiver?.resumed();
            expect([peer.pendingRequests, channel.sent.length]).to.deep.equal([2, 2]);
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"), true);
            channel.receiver?.reopened();
            expect((await failure(write)).code).to.equal("OUTCOME_UNKNOWN");
            expect(await read).to.equal("read");
            expect(channel.sent).to.have.length(3);
        });

        it("rejects requests when the path is gone for good, safe ones with CONNECTION_LOST", async () => {
            const { peer, channel } = peerWith(() => undefined);
            const read = peer.readProperty("t", "p");
            const write = peer.writeProperty("t", "p", 1);
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"), true);
            channel.receiver?.closed(new SseScError("UNAUTHORIZED"));
            expect((await failure(read)).code).to.equal("CONNECTION_LOST");
            expect((await failure(write)).code).to.equal("OUTCOME_UNKNOWN");
            expect(peer.pendingRequests).to.equal(0);
        });

        it("rejects with ABORTED, and cancels the action on the other side", async () => {
            const { peer, channel } = peerWith((request) => {
                if (request.operation === "cancelaction") respond(channel, request);
            });
            const controller = new AbortController();
            const invocation = peer.invokeAction("t", "a", 1, { signal: controller.signal });
            controller.abort();
            expect((await failure(invocation)).code).to.equal("ABORTED");
            const [invoke, cancel] = channel.sent as RequestMessage[];
            expect(cancel).to.include({
                operation: "cancelaction",
                thingId: "t",
                name: "a",
                input: invoke?.correlationId,
            });
        });

        it("sends nothing when it is aborted already", async () => {
            const { peer, channel } = peerWith(() => undefined);
            expect((await failure(peer.ping({ signal: AbortSignal.abort() }))).code).to.equal("ABORTED");
            expect(channel.sent).to.deep.equal([]);
        });

        it("hands progress to its own invocation, with a correlation id or without one", async () => {
            const seen: unknown[] = [];
            const { peer, channel } = peerWith((request) => {
                if (request.operation !== "invokeaction") return;
                const other = { ...request, correlationId: "somebody else's" };
                const bare = createNotification({
                    affordance: "action",
                    thingId: request.thingId,
                    name: request.name,
                    value: 75,
                });
                channel.receiver?.received(createProgress(request, 25), {});
                channel.receiver?.received({ ...createProgress(request, 50), correlationId: "" }, {});
                channel.receiver?.received(createProgress(other, "foreign"), {});
                channel.receiver?.received(bare, {});
                respond(channel, request, 100);
            });
            const output = await peer.invokeAction("t", "a", 1, { onProgress: (value) => seen.push(value) });
            expect(output).to.equal(100);
            expect(seen).to.deep.equal([25, 50, 75]);
        });

        it("hands on progress as it came where it only looks like a message of ours", async () => {
            const seen: unknown[] = [];
            const imitation = { kind: "response", correlationId: "c", output: "forged" };
            const { peer, channel } = peerWith((request) => {
                channel.receiver?.received({ ...createProgress(request, 0), value: imitation }, {});
                respond(channel, request);
            });
            await peer.invokeAction("t", "a", 1, { onProgress: (value) => seen.push(value) });
            expect(seen).to.deep.equal([imitation]);
        });

        it("ignores a response that nobody waits for", () => {
            const { channel } = peerWith(() => undefined);
            channel.receiver?.received({ ...createResponse({} as RequestMessage, {}), correlationId: "x" }, {});
        });
    });

    describe("answering", () => {
        const request = { kind: "request", operation: "readproperty", thingId: "t", name: "p" } as RequestMessage;

        it("sends what the handler returns, and hands it the sender", async () => {
            const answered: unknown[] = [];
            const channel = new LocalChannel((message) => answered.push(message));
            new Peer(channel, { onRequest: (_request, { identity }) => Promise.resolve(identity?.clientId) });
            channel.receiver?.received(
                { ...request, correlationId: "c" },
                { identity: { clientId: "me", role: "admin" } }
            );
            await Promise.resolve().then(() => undefined);
            expect(answered[0]).to.include({ kind: "response", output: "me", correlationId: "c", status: "completed" });
        });

        it("turns what the handler throws into an error without its text", async () => {
            const answered: Message[] = [];
            const channel = new LocalChannel((message) => answered.push(message));
            const peer = new Peer(channel, { onRequest: () => Promise.reject(new Error("secret")) });
            channel.receiver?.received(request, {});
            while (peer.openRequests > 0) await Promise.resolve();
            expect(JSON.stringify(answered)).to.contain("HANDLER_FAILED").and.not.contain("secret");
        });
    });

    describe("#subscribe", () => {
        const event = (name: string, value: unknown = 1): Message =>
            createNotification({ affordance: "event", thingId: "t", name, value });
        const operations = (channel: LocalChannel): string[] =>
            channel.sent.map((message) => (message.kind === "request" ? message.operation : message.kind));

        it("shares one subscription on the wire between several listeners", async () => {
            const { peer, channel } = peerWith((request) => {
                respond(channel, request);
            });
            const seen: string[] = [];
            const first = await peer.subscribeEvent("t", "e", { onNotification: () => seen.push("first") });
            const second = await peer.subscribeEvent("t", "e", { onNotification: () => seen.push("second") });
            channel.receiver?.received(event("e"), {});
            expect(seen).to.deep.equal(["first", "second"]);
            await first.stop();
            expect(operations(channel)).to.deep.equal(["subscribeevent"]);
            await second.stop();
            await second.stop();
            expect(operations(channel)).to.deep.equal(["subscribeevent", "unsubscribeevent"]);
        });

        it("hears what arrives before the acknowledgement", async () => {
            const seen: unknown[] = [];
            const { peer, channel } = peerWith((request) => {
                channel.receiver?.received(event("e", "early"), {});
                respond(channel, request);
            });
            await peer.subscribeEvent("t", "e", { onNotification: ({ value }) => seen.push(value) });
            expect(seen).to.deep.equal(["early"]);
        });

        it("subscribes anew when the path opens again, and ends what is refused then", async () => {
            let refuse = false;
            const { peer, channel } = peerWith((request) => {
                const error = { status: 403, type: "urn:hiveot-ssesc:problem:FORBIDDEN", title: "no" };
                channel.receiver?.received(createResponse(request, refuse ? { error } : {}), {});
            });
            const ended = new Promise<SseScError>((resolve) => {
                void peer.subscribeEvent("t", "e", { onNotification: () => undefined, onError: resolve });
            });
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"));
            channel.receiver?.reopened();
            expect(operations(channel)).to.deep.equal(["subscribeevent", "subscribeevent"]);
            refuse = true;
            channel.receiver?.reopened();
            expect((await ended).code).to.equal("FORBIDDEN");
            expect(peer.inUse).to.equal(false);
        });

        it("waits for a Thing that is not known yet when the path opens again, unless the subscription is stopped", async () => {
            let unknown = 0;
            const answered = new EventEmitter();
            const { peer, channel } = peerWith((request) => {
                const error = { status: 404, type: "urn:hiveot-ssesc:problem:UNKNOWN_THING", title: "no" };
                channel.receiver?.received(createResponse(request, unknown-- > 0 ? { error } : {}), {});
                if (unknown < 0) answered.emit("taken", request.thingId);
            });
            const seen: unknown[] = [];
            const onNotification = ({ value }: { readonly value: unknown }): unknown => seen.push(value);
            const onError = ({ code }: SseScError): unknown => seen.push(code);
            await peer.subscribeEvent("t", "e", { onNotification, onError });
            const stopped = await peer.subscribeEvent("other", "e", { onNotification, onError });
            unknown = 3; // both, then the one that still stands
            channel.receiver?.reopened();
            await new Promise((done) => setImmediate(done));
            unknown++; // the end of it
            await stopped.stop();
            await once(answered, "taken");
            channel.receiver?.received(event("e", 5), {});
            expect(seen).to.deep.equal([5]);
            expect(operations(channel)).to.deep.equal([
                ...Array<string>(4).fill("subscribeevent"),
                "unsubscribeevent",
                ...Array<string>(2).fill("subscribeevent"),
            ]);
        });

        it("keeps single subscriptions when the one to all of them is stopped", async () => {
            const { peer, channel } = peerWith((request) => {
                respond(channel, request);
            });
            await peer.subscribeEvent("t", "e", { onNotification: () => undefined });
            const all = await peer.subscribeAllEvents("t", { onNotification: () => undefined });
            await all.stop();
            expect(operations(channel).slice(-2)).to.deep.equal(["unsubscribeallevents", "subscribeevent"]);
        });

        it("does not let a new subscription overtake the stop of the old one", async () => {
            let releaseStop: (() => void) | undefined;
            const { peer, channel } = peerWith((request) => {
                if (request.operation === "unsubscribeevent")
                    releaseStop = () => {
                        respond(channel, request);
                    };
                else respond(channel, request);
            });
            const first = await peer.subscribeEvent("t", "e", { onNotification: () => undefined });
            const stopping = first.stop();
            const second = peer.subscribeEvent("t", "e", { onNotification: () => undefined });
            expect(operations(channel)).to.deep.equal(["subscribeevent", "unsubscribeevent"]);
            releaseStop?.();
            await Promise.all([stopping, second]);
            expect(operations(channel)).to.deep.equal(["subscribeevent", "unsubscribeevent", "subscribeevent"]);
        });

        it("is stopped at once while the path is down", async () => {
            const { peer, channel } = peerWith((request) => {
                respond(channel, request);
            });
            const subscription = await peer.subscribeEvent("t", "e", { onNotification: () => undefined });
            channel.receiver?.dropped(new SseScError("CONNECTION_LOST"));
            await subscription.stop();
            channel.receiver?.reopened();
            expect(operations(channel)).to.deep.equal(["subscribeevent"]);
            expect(peer.inUse).to.equal(false);
        });

        it("delivers a notification about several properties one by one", async () => {
            const all: unknown[] = [];
            const { peer, channel } = peerWith(
                (request) => {
                    respond(channel, request);
                },
                { onNotification: ({ name, value }) => all.push([name, value]) }
            );
            const heard: unknown[] = [];
            await peer.observeProperty("t", "level", {
                onNotification: ({ name, value }) => heard.push([name, value]),
            });
            const several = createNotification({
                affordance: "property",
                thingId: "t",
                name: "",
                value: { level: 10, count: 3 },
            });
            channel.receiver?.received(several, {});
            expect(heard).to.deep.equal([["level", 10]]);
            expect(all).to.deep.equal([
                ["level", 10],
                ["count", 3],
            ]);
        });

        it("goes on when a listener throws", async () => {
            const thrown: unknown[] = [];
            const { peer, channel } = peerWith(
                (request) => {
                    respond(channel, request);
                },
                { onListenerError: (error) => thrown.push(error) }
            );
            const seen: unknown[] = [];
            await peer.subscribeEvent("t", "e", {
                onNotification: () => {
                    throw new Error("listener");
                },
            });
            await peer.subscribeEvent("t", "e", { onNotification: ({ value }) => seen.push(value) });
            channel.receiver?.received(event("e", 5), {});
            expect(seen).to.deep.equal([5]);
            expect(thrown).to.have.length(1);
        });

        it("tells its listeners when the path is gone for good", async () => {
            const { peer, channel } = peerWith((request) => {
                respond(channel, request);
            });
            const ended: string[] = [];
            await peer.subscribeEvent("t", "e", {
                onNotification: () => undefined,
                onError: ({ code }) => ended.push(code),
            });
            peer.close();
            expect(ended).to.deep.equal(["ALREADY_CLOSED"]);
        });
    });
});
