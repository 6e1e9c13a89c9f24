/** What a hub passes on keeps the ids of its caller apart from those of the agent, and nothing is kept of what has ended. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import {
    createProgress,
    createRequest,
    createResponse,
    type NewRequest,
    type NotificationMessage,
    type RequestMessage,
} from "../../lib/messages";
import { ClientRequests } from "../../src/http/client-requests";
import { Router } from "../../src/hub/router";
import { eventually } from "../support/eventually";

const AGENT = "agent";
const PATIENT = 30_000;

describe("Router", () => {
    let requests: ClientRequests;
    let router: Router<object>;
    /** What the agent was asked. */
    let asked: RequestMessage[];

    beforeEach(() => {
        asked = [];
        requests = new ClientRequests();
        requests.opened({
            identity: { clientId: AGENT, role: "device" },
            lingering: false,
            put: (request) => {
                asked.push(request);
                return { sequence: asked.length, bytes: new Uint8Array(0), topic: undefined, holders: 0 };
            },
            channel: { retract: () => false },
        });
        router = new Router(requests, PATIENT);
    });

    function requestFor(init: Partial<NewRequest>): RequestMessage {
        const request = createRequest({ operation: "invokeaction", thingId: "lamp", name: "blink", ...init });
        return { ...request, senderId: "consumer" };
    }

    /** Passes a request on; the agent answers at once. @returns what it was asked, and what the caller gets */
    async function passOn(init: Partial<NewRequest>, output?: unknown): Promise<readonly [RequestMessage, unknown]> {
        const outcome = router.forward(AGENT, {}, requestFor(init));
        const request = asked.at(-1)!;
        requests.responded(AGENT, createResponse(request, { output }));
        return [request, await outcome];
    }

    const withoutId = (progress: NotificationMessage): NotificationMessage => ({
        ...progress,
        correlationId: "",
        value: 50,
    });

    it("passes uriVariables on", async () => {
        const outcome = router.forward(AGENT, {}, requestFor({}), "a=1&b=2");
        expect(asked[0]).to.include({ query: "a=1&b=2" });
        requests.responded(AGENT, createResponse(asked[0]!, {}));
        await outcome;
    });

    it("takes input for the id of an action only in queryaction and cancelaction", async () => {
        const [{ correlationId }] = await passOn({ correlationId: "mine" });
        for (const operation of ["queryaction", "cancelaction"] as const) {
            expect((await passOn({ operation, input: "mine" }))[0], operation).to.include({ input: correlationId });
        }
        for (const operation of ["invokeaction", "writeproperty"] as const) {
            expect((await passOn({ operation, input: "mine" }))[0], operation).to.include({ input: "mine" });
        }
    });

    it("takes no input, and an empty one, for no id at all", async () => {
        await passOn({ correlationId: "" });
        for (const input of ["", undefined]) {
            expect((await passOn({ operation: "queryaction", input }))[0].input).to.equal(input);
        }
    });

    it("leaves ids as they are of actions that did not come its way", async () => {
        const status = createResponse(createRequest({ operation: "invokeaction", correlationId: "agent's own" }), {});
        const [{ input }, output] = await passOn({ operation: "queryaction", input: "agent's own" }, status);
        expect(input).to.equal("agent's own");
        expect(output).to.include({ correlationId: "agent's own" });
    });

    it("does not forget actions for other requests, however many they are", async () => {
        const [{ correlationId }] = await passOn({ correlationId: "mine" });
        for (let n = 0; n < 1_100; n++) await passOn({ operation: "readproperty" });
        expect((await passOn({ operation: "queryaction", input: "mine" }))[0]).to.include({ input: correlationId });
    });

    it("has progress without an id for each caller, also beside what the hub asked itself", async () => {
        const own = requests.request(AGENT, requestFor({}), { timeout: PATIENT });
        const caller = {};
        const outcome = router.forward(AGENT, caller, requestFor({ correlationId: "mine" }));
        const { callers, forObservers } = router.progressed(AGENT, withoutId(createProgress(asked[1]!, 50)));
        expect(callers.map(({ progress }) => progress.correlationId)).to.deep.equal(["mine"]);
        expect(callers[0]?.caller).to.equal(caller);
        expect(forObservers).to.include({ correlationId: "mine", value: 50 });
        for (const request of asked) requests.responded(AGENT, createResponse(request, {}));
        await Promise.all([own, outcome]);
    });

    it("has late progress for observers, with the id that the caller gave, and for no caller", async () => {
        const [request] = await passOn({ correlationId: "mine" });
        const late = createProgress(request, 50);
        const { callers, forObservers } = router.progressed(AGENT, late);
        expect(callers).to.deep.equal([]);
        expect(forObservers).to.include({ correlationId: "mine" });
        expect(router.progressed(AGENT, withoutId(late)).forObservers).to.include({ correlationId: "" });
    });

    it("lets go of callers when their requests have ended", async () => {
        const invoke = async (answer: (request: RequestMessage) => void): Promise<WeakRef<object>> => {
            const caller = {};
            const outcome = router.forward(AGENT, caller, requestFor({})).catch(() => undefined);
            answer(asked.at(-1)!);
            await outcome;
            return new WeakRef(caller);
        };
        const error = { status: 500, type: "urn:x", title: "No" };
        const callers = [
            await invoke((request) => requests.responded(AGENT, createResponse(request, { output: 1 }))),
            await invoke((request) => requests.responded(AGENT, createResponse(request, { error }))),
        ];
        setFlagsFromString("--expose-gc");
        const collect = runInNewContext("gc") as () => void;
        await eventually("they are let go", () => {
            collect();
            return callers.every((caller) => caller.deref() === undefined);
        });
        expect(requests.size).to.equal(0);
    });
});
