/** Requests that wait: what becomes of each, and that nothing of it is left behind. */
import { getEventListeners } from "node:events";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { createNotification, createRequest, createResponse, type RequestMessage } from "../../lib/messages";
import { PendingRequests, type PendingOptions } from "../../lib/pending-requests";

const read = (): RequestMessage =>
    createRequest({ operation: "readproperty", thingId: "t", name: "p", input: undefined });
const invoke = (): RequestMessage =>
    createRequest({ operation: "invokeaction", thingId: "t", name: "a", input: undefined });

function codeOf(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
        () => "answered",
        (error: unknown) => (error instanceof SseScError ? error.code : error)
    );
}

describe("PendingRequests", () => {
    let pending: PendingRequests;

    beforeEach(() => (pending = new PendingRequests()));

    afterEach(() => {
        pending.rejectAll(() => new SseScError("ALREADY_CLOSED"));
    });

    function add(request: RequestMessage, options: Partial<PendingOptions> = {}): Promise<unknown> {
        return codeOf(pending.add(request, { timeout: 0, ...options }));
    }

    it("leave no timer and no listener behind, and hear no signal any more", async () => {
        const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
        const before = timers();
        const abort = new AbortController();
        let abandoned = 0;
        const options = { timeout: 60_000, signal: abort.signal, onAbandoned: () => abandoned++ };
        const requests = [read(), read(), read()];
        const answers = requests.map((request) => add(request, options));
        for (const { correlationId } of requests) pending.leaves(correlationId);
        expect(timers() - before).to.equal(3);
        const [first, second] = requests;
        expect(pending.settle(createResponse(first!, { output: 1 }))).to.equal(true);
        pending.reject(second!.correlationId, new SseScError("TIMEOUT"));
        pending.rejectAll(() => new SseScError("CONNECTION_LOST"));
        expect([timers() - before, getEventListeners(abort.signal, "abort").length]).to.deep.equal([0, 0]);
        expect(await Promise.all(answers)).to.deep.equal(["answered", "TIMEOUT", "CONNECTION_LOST"]);
        abort.abort();
        expect(abandoned).to.equal(0);
    });

    it("tell that they are abandoned only if they had left", async () => {
        const abort = new AbortController();
        const abandoned: string[] = [];
        const [left, here, stayed] = [invoke(), invoke(), invoke()];
        const answers = [left, here, stayed].map((request) =>
            add(request, { signal: abort.signal, onAbandoned: () => abandoned.push(request.correlationId) })
        );
        for (const { correlationId } of [left, stayed]) expect(pending.leaves(correlationId)).to.equal(true);
        pending.stays(stayed.correlationId);
        abort.abort();
        expect(await Promise.all(answers)).to.deep.equal(["ABORTED", "ABORTED", "ABORTED"]);
        expect(abandoned).to.deep.equal([left.correlationId]);
        expect(pending.leaves(left.correlationId), "it should not leave any more").to.equal(false);
    });

    it("know what was not done when the time is up: what has not left", async () => {
        const [left, here] = [invoke(), invoke()];
        const answers = [left, here].map((request) => add(request, { timeout: 1 }));
        pending.leaves(left.correlationId);
        expect(await Promise.all(answers)).to.deep.equal(["OUTCOME_UNKNOWN", "TIMEOUT"]);
    });

    it("have the whole time again with each progress", async () => {
        const request = invoke();
        const since = Date.now();
        const answer = add(request, { timeout: 60 });
        const running = createNotification({ affordance: "action", thingId: "t", name: "a", value: 1 });
        setTimeout(() => {
            expect(pending.progress(running, request.correlationId)).to.deep.equal([request]);
            expect(pending.progress(running, "another"), "of another invocation").to.deep.equal([]);
        }, 30);
        await answer;
        expect(Date.now() - since).to.be.at.least(85);
    });

    it("are sent again, once, if they had left when the path broke, and may be", async () => {
        const repeated: string[] = [];
        const wait = (name: string, request: RequestMessage): [RequestMessage, Promise<unknown>] => [
            request,
            add(request, { repeat: () => repeated.push(name) }),
        ];
        const [left] = wait("left", read());
        const [stayed] = wait("stayed", read());
        const [here] = wait("here", read());
        const [unsafe, unknown] = wait("unsafe", invoke());
        const unrepeatable = read();
        const lost = add(unrepeatable);
        for (const { correlationId } of [left, stayed, unsafe, unrepeatable]) pending.leaves(correlationId);
        pending.doubt();
        pending.stays(stayed.correlationId);
        const [later] = wait("later", invoke());
        pending.leaves(later.correlationId);
        pending.giveUp(undefined);
        expect(await Promise.all([unknown, lost])).to.deep.equal(["OUTCOME_UNKNOWN", "CONNECTION_LOST"]);
        for (let time = 0; time < 2; time++) pending.repeat();
        expect(repeated).to.deep.equal(["left"]);
        expect(pending.has(here.correlationId)).to.equal(true);
        expect(pending.size).to.equal(4);
    });

    it("are gone before those hear of it who waited", async () => {
        const request = read();
        const sizes: number[] = [];
        const answer = add(request);
        pending.rejectAll(() => {
            sizes.push(pending.size);
            return new SseScError("CONNECTION_LOST");
        });
        expect([await answer, sizes, pending.settle(createResponse(request, { output: 1 }))]).to.deep.equal([
            "CONNECTION_LOST",
            [0],
            false,
        ]);
    });
});
