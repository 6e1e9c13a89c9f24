/** Which requests of a session are known again (design.md, "Repeated requests"). */
import { expect } from "chai";
import { createRequest, type RequestMessage } from "../../lib/messages";
import type { Operation } from "../../lib/operations";
import type { Frame } from "../../lib/outbox";
import { RecentRequests } from "../../src/http/recent-requests";

function request(messageId: string, operation: Operation = "invokeaction"): RequestMessage {
    const made = createRequest({ operation, thingId: "t", name: "a", input: undefined });
    return { ...made, messageId, correlationId: `c-${messageId}` };
}

function frame(length = 10): Frame {
    return { sequence: 1, bytes: new Uint8Array(length), holders: 0 };
}

describe("RecentRequests", () => {
    let recent: RecentRequests;

    beforeEach(() => (recent = new RecentRequests()));

    const isKnown = (id: string, operation?: Operation): boolean =>
        recent.repeated(request(id, operation)) !== undefined;

    it("knows what must not be done twice, by its message id, before and behind its response; nothing else", () => {
        for (const operation of [
            "invokeaction",
            "writeproperty",
            "writemultipleproperties",
            "writeallproperties",
        ] as const) {
            expect([isKnown(operation, operation), isKnown(operation, operation)]).to.deep.equal([false, true]);
        }
        for (const operation of ["readproperty", "queryaction", "cancelaction", "subscribeevent"] as const) {
            expect([isKnown(operation, operation), isKnown(operation, operation)]).to.deep.equal([false, false]);
        }
        expect([isKnown(""), isKnown("")]).to.deep.equal([false, false]);
        const ping: RequestMessage = { ...request("ping"), operation: "ping" };
        expect([recent.repeated(ping), recent.repeated(ping)]).to.deep.equal([undefined, undefined]);
        const response = frame();
        recent.answered("c-invokeaction", response);
        recent.answered("c-invokeaction", frame()); // a second one is none of this request's
        expect(recent.repeated(request("invokeaction"))?.response).to.equal(response);
    });

    it("forgets the oldest of more than 1,000 that were answered, and none that is under way", () => {
        isKnown("open");
        for (let n = 0; n <= 1_000; n++) {
            isKnown(`m${String(n)}`);
            recent.answered(`c-m${String(n)}`, frame());
        }
        expect([isKnown("m1"), isKnown("m1000"), isKnown("open")]).to.deep.equal([true, true, true]);
        expect(isKnown("m0")).to.equal(false);
    });

    it("keeps 1 MiB of responses, the newest, and knows the requests of the others yet", () => {
        const kept = (id: string): boolean => recent.repeated(request(id))?.response !== undefined;
        for (let n = 0; n < 20; n++) {
            isKnown(`m${String(n)}`);
            recent.answered(`c-m${String(n)}`, frame(128 * 1024));
        }
        expect(["m0", "m11", "m12", "m19"].map(kept)).to.deep.equal([false, false, true, true]);
        expect(isKnown("m0")).to.equal(true);
    });
});
