/** What a hub keeps for clients is bounded, whatever they send. */
import { expect } from "chai";
import { SseScError } from "../../src/index";
import { createNotification, createRequest, createResponse, type RequestMessage } from "../../lib/messages";
import { ClientRequests, type ClientSession } from "../../src/http/client-requests";
import { ActionIds } from "../../src/hub/action-ids";
import { LatestValues } from "../../src/hub/latest-values";

const MIB = 1024 * 1024;
const LAMP = "urn:lamp";

function event(name: string, value: unknown, thingId = LAMP): ReturnType<typeof createNotification> {
    return createNotification({ affordance: "event", thingId, name, value });
}

describe("the latest values of a hub", () => {
    it("have 1,000 names a Thing: later ones are not kept, known ones change on", () => {
        const latest = new LatestValues();
        for (let name = 0; name <= 1_000; name++) latest.set(event(String(name), name));
        latest.set(event("999", "changed"));
        latest.set(event("of another", 1, "urn:other"));
        expect(Object.keys(latest.all(LAMP))).to.have.length(1_000);
        expect(latest.get(LAMP, "1000")).to.equal(undefined);
        expect(latest.get(LAMP, "999")?.value).to.equal("changed");
        expect(latest.get("urn:other", "of another")?.value).to.equal(1);
    });

    it("take 64 MiB at most: the ones that are longest unchanged go", () => {
        const latest = new LatestValues();
        const text = "x".repeat(MIB); // twice that in memory
        for (let name = 0; name < 31; name++) latest.set(event(String(name), [text]));
        latest.set(event("0", [text]));
        for (let name = 31; name < 40; name++) latest.set(event(String(name), { text }));
        expect(latest.bytes).to.be.within(60 * MIB, 64 * MIB);
        expect(latest.get(LAMP, "0")).not.to.equal(undefined);
        expect(latest.get(LAMP, "1")).to.equal(undefined);
        expect(latest.get(LAMP, "39")).not.to.equal(undefined);
    });

    it("count names and ids too", () => {
        const latest = new LatestValues(20 * MIB);
        for (let name = 0; name < 40; name++) latest.set(event("n".repeat(MIB) + String(name), 1));
        expect(Object.keys(latest.all(LAMP))).to.have.length(9);
        for (let name = 0; name < 40; name++) latest.set({ ...event(String(name), 1), messageId: "m".repeat(MIB) });
        expect(Object.keys(latest.all(LAMP))).to.have.length(9);
    });

    it("take nothing for Things that are gone", () => {
        const latest = new LatestValues();
        for (let name = 0; name < 10; name++) latest.set(event(String(name), { a: ["text", 1, null] }));
        latest.forget(LAMP);
        expect([latest.bytes, latest.all(LAMP)]).to.deep.equal([0, {}]);
    });

    it("are not kept if one alone is too large", () => {
        const latest = new LatestValues(MIB);
        latest.set(event("large", "x".repeat(MIB)));
        expect([latest.bytes, latest.get(LAMP, "large")]).to.deep.equal([0, undefined]);
    });
});

describe("the action ids of a hub", () => {
    function invocation(correlationId: string, name = "fade"): RequestMessage {
        const request = createRequest({ operation: "invokeaction", thingId: LAMP, name, input: undefined });
        return { ...request, correlationId, senderId: "consumer" };
    }

    function idAt(ids: ActionIds, agent: string, name: string, id: string): string {
        const query = createRequest({ operation: "queryaction", thingId: LAMP, name, input: undefined });
        return ids.agentsIdFor(agent, { ...query, senderId: "consumer" }, id);
    }

    it("are 1,000 an agent: the oldest is forgotten", () => {
        const ids = new ActionIds();
        ids.add("other", invocation("of another"), "other's");
        for (let id = 0; id <= 1_000; id++) ids.add("agent", invocation(`c${String(id)}`), `h${String(id)}`);
        expect(ids.requestOf("agent", "h0")).to.equal(undefined);
        expect(idAt(ids, "agent", "fade", "c0")).to.equal("c0");
        expect(ids.requestOf("agent", "h1")?.correlationId).to.equal("c1");
        expect(idAt(ids, "agent", "fade", "c1")).to.equal("h1");
        expect(idAt(ids, "agent", "fade", "c1000")).to.equal("h1000");
        expect(idAt(ids, "other", "fade", "of another")).to.equal("other's");
    });

    it("have a bounded length in all, and the newest is known however long it is", () => {
        const ids = new ActionIds();
        const long = "c".repeat(MIB / 4);
        for (let id = 0; id < 20; id++) ids.add("agent", invocation(`${long}${String(id)}`), `h${String(id)}`);
        const known = Array.from({ length: 20 }, (_, id) => ids.requestOf("agent", `h${String(id)}`));
        expect(known.filter((request) => request !== undefined)).to.have.length(3);
        ids.add("agent", invocation(`${long}${long}${long}${long}${long}`, "blink"), "longest");
        expect(ids.requestOf("agent", "longest")?.name).to.equal("blink");
        expect(ids.requestOf("agent", "h19")).to.equal(undefined);
        ids.add("agent", invocation("short"), "next");
        expect(ids.requestOf("agent", "longest")).to.equal(undefined);
        for (let id = 0; id < 999; id++) ids.add("agent", invocation(String(id)), `n${String(id)}`);
        expect(ids.requestOf("agent", "next")?.correlationId).to.equal("short");
    });

    it("keep nothing of the inputs", () => {
        const ids = new ActionIds();
        ids.add("agent", { ...invocation("c"), input: "large" }, "h");
        expect(ids.requestOf("agent", "h")).to.include({ input: undefined, correlationId: "c" });
    });
});

describe("the requests that wait for a client", () => {
    class Sink implements ClientSession {
        readonly sent: unknown[] = [];
        readonly lingering = false;
        readonly channel = { retract: () => false };
        constructor(readonly identity: ClientSession["identity"]) {}
        put(request: RequestMessage): ReturnType<ClientSession["put"]> {
            this.sent.push(request);
            return { sequence: this.sent.length, bytes: new Uint8Array(), holders: 0 };
        }
    }

    const request = (): RequestMessage =>
        createRequest({ operation: "readproperty", thingId: LAMP, name: "hue", input: undefined });
    const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
        promise.then(
            () => "answered",
            (error: unknown) => (error instanceof SseScError ? error.code : error)
        );

    it("are 10,000 at most, over all its sessions; those of others are not concerned", async () => {
        const requests = new ClientRequests();
        const sessions = [0, 1].map(() => new Sink({ clientId: "agent", role: "device" }));
        const other = new Sink({ clientId: "other", role: "device" });
        for (const session of [...sessions, other]) requests.opened(session);
        const first = request();
        const waiting = [codeOf(requests.request("agent", first, { timeout: 0 }))];
        for (let more = 1; more < 10_000; more++) {
            waiting.push(codeOf(requests.request(sessions[more % 2]!, request(), { timeout: 0 })));
        }
        expect(requests.size).to.equal(10_000);
        for (const to of ["agent", ...sessions]) {
            expect(await codeOf(requests.request(to, request(), { timeout: 0 }))).to.equal("TOO_MANY_REQUESTS");
        }
        const elsewhere = codeOf(requests.request("other", request(), { timeout: 0 }));
        expect(other.sent).to.have.length(1);

        requests.responded("other", createResponse(first, { output: 1 })); // somebody else's
        expect(requests.size).to.equal(10_001);
        requests.responded("agent", createResponse(first, { output: 1 }));
        expect(await waiting[0]).to.equal("answered");
        const next = codeOf(requests.request("agent", request(), { timeout: 0 }));
        expect(requests.size).to.equal(10_001);

        for (const session of sessions) requests.closed(session);
        expect(requests.size).to.equal(1);
        expect(new Set(await Promise.all([...waiting.slice(1), next]))).to.deep.equal(new Set(["AGENT_OFFLINE"]));
        requests.closed(other);
        expect([await elsewhere, requests.size]).to.deep.equal(["AGENT_OFFLINE", 0]);
    });
});
