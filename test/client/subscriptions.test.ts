/** What the client side relies on where subscriptions are shared, stopped by others, and made anew. */
import { expect } from "chai";
import type { Form } from "@node-wot/core";
import { SseScError } from "../../lib/errors";
import { createRequest, createResponse, type NewRequest, type ResponseMessage } from "../../lib/messages";
import { PeerSubscriptions } from "../../lib/peer-subscriptions";
import { ClientSubscriptions, type ClientSubscription } from "../../src/client-subscriptions";

describe("ClientSubscriptions", () => {
    const form = (href: string): Form => ({ href });
    const handle = { stop: async () => undefined };

    it("finds that of the client, then that of the form, then the latest", () => {
        const subscriptions = new ClientSubscriptions();
        const clients = [{}, {}, {}];
        const forms = [form("a"), form("a"), form("a")];
        const entries = clients.map((client, i): ClientSubscription => ({ key: "k", client, form: forms[i]!, handle }));
        for (const entry of entries) subscriptions.add(entry);
        expect(subscriptions.take("k", clients[0]!, forms[1]!)).to.equal(entries[0]);
        expect(subscriptions.take("k", {}, forms[1]!)).to.equal(entries[1]);
        expect(subscriptions.take("other", {}, forms[2]!)).to.equal(undefined);
        expect(subscriptions.take("k", {}, form("a"))).to.equal(entries[2]);
        expect(subscriptions.take("k", clients[2]!, forms[2]!)).to.equal(undefined);
    });

    it("finds the latest of several strangers", () => {
        const subscriptions = new ClientSubscriptions();
        const entries = [1, 2].map((): ClientSubscription => ({ key: "k", client: {}, form: form("a"), handle }));
        for (const entry of entries) subscriptions.add(entry);
        expect(subscriptions.take("k", {}, form("a"))).to.equal(entries[1]);
    });
});

describe("PeerSubscriptions, when the path opens again", () => {
    /** Requests that wait for their answer. */
    let waiting: { readonly init: NewRequest; readonly answer: (error?: SseScError) => void }[];
    let subscriptions: PeerSubscriptions;

    beforeEach(() => {
        waiting = [];
        const request = (init: NewRequest): Promise<ResponseMessage> =>
            new Promise((resolve, reject) => {
                const answer = (error?: SseScError): void => {
                    if (error === undefined) resolve(createResponse(createRequest(init), {}));
                    else reject(error);
                };
                waiting.push({ init, answer });
            });
        subscriptions = new PeerSubscriptions(request, () => undefined);
    });

    async function settle(error?: SseScError): Promise<number> {
        const batch = waiting;
        waiting = [];
        for (const { answer } of batch) answer(error);
        await new Promise((resolve) => setImmediate(resolve));
        return batch.length;
    }

    async function subscribe(count: number, onError: (error: SseScError) => void = () => undefined): Promise<void> {
        const added = Array.from({ length: count }, (_, i) =>
            subscriptions.add(
                "subscribeevent",
                { affordance: "event", thingId: "t", name: String(i) },
                { onNotification: () => undefined, onError }
            )
        );
        await settle();
        await Promise.all(added);
    }

    it("asks for fifty at a time", async () => {
        await subscribe(120);
        subscriptions.renew();
        expect([await settle(), await settle(), await settle(), await settle()]).to.deep.equal([50, 50, 20, 0]);
        expect(subscriptions.size).to.equal(120);
    });

    it("does not go on with a renewal when another one has begun", async () => {
        await subscribe(60);
        subscriptions.renew();
        const first = waiting;
        waiting = [];
        subscriptions.renew();
        for (const { answer } of first) answer(new SseScError("CONNECTION_LOST"));
        expect([await settle(), await settle(), await settle()]).to.deep.equal([50, 10, 0]);
        expect(subscriptions.size).to.equal(60);
    });

    it("ends those that are refused, and keeps those that were only lost again", async () => {
        const codes: string[] = [];
        await subscribe(2, ({ code }) => codes.push(code));
        for (const code of ["CONNECTION_LOST", "CONNECT_FAILED", "NO_SESSION"] as const) {
            subscriptions.renew();
            await settle(new SseScError(code));
        }
        expect([codes, subscriptions.size]).to.deep.equal([[], 2]);
        subscriptions.renew();
        await settle(new SseScError("FORBIDDEN"));
        expect([codes, subscriptions.size]).to.deep.equal([["FORBIDDEN", "FORBIDDEN"], 0]);
    });

    it("keeps a subscription whose newest listener came just as it was lost again", async () => {
        await subscribe(1);
        subscriptions.renew();
        const topic = { affordance: "event", thingId: "t", name: "0" } as const;
        const joined = subscriptions.add("subscribeevent", topic, { onNotification: () => undefined });
        const failed = joined.catch((error: unknown) => error);
        await settle(new SseScError("CONNECTION_LOST"));
        expect(await failed).to.have.property("code", "CONNECTION_LOST");
        expect(subscriptions.size).to.equal(1);
    });
});
