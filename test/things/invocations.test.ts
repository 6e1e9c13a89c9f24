import { expect } from "chai";
import { createRequest, type RequestMessage } from "../../lib/messages";
import { Invocations } from "../../src/things/invocations";

function invoke(correlationId: string, senderId = "me"): RequestMessage {
    const request = createRequest({ operation: "invokeaction", thingId: "t", name: "a", correlationId, input: "in" });
    return { ...request, senderId };
}

function query(input?: string, senderId = "me"): RequestMessage {
    return { ...createRequest({ operation: "queryaction", thingId: "t", name: "a", input }), senderId };
}

describe("Invocations", () => {
    let invocations: Invocations;

    beforeEach(() => {
        invocations = new Invocations();
    });

    it("remembers the last 100 that ended, and every one that runs", async () => {
        void invocations.run(invoke("running"), () => new Promise(() => undefined));
        for (let n = 0; n < 150; n++) await invocations.run(invoke(String(n)), async () => n);
        expect(invocations.query(query("running")).status).to.equal("running");
        expect(invocations.query(query("50"))).to.include({ status: "completed", output: 50 });
        expect(() => invocations.query(query("49")))
            .to.throw()
            .with.property("code", "NO_INVOCATION");
    });

    it("means the caller's own latest one where no id is given", async () => {
        await invocations.run(invoke("mine"), async () => 1);
        await invocations.run(invoke("theirs", "them"), async () => 2);
        expect(invocations.query(query())).to.include({ correlationId: "mine", output: 1 });
        expect(() => invocations.query(query(undefined, "nobody")))
            .to.throw()
            .with.property("code", "NO_INVOCATION");
    });

    it("ends at once when it is cancelled, whatever its handler does", async () => {
        let raised = false;
        const run = invocations.run(invoke("x"), (signal) => {
            signal.addEventListener("abort", () => (raised = true));
            return new Promise(() => undefined);
        });
        invocations.cancel(query("x"));
        const error = await run.catch((thrown: unknown) => thrown);
        expect(error).to.have.property("code", "CANCELLED");
        expect(raised).to.equal(true);
        expect(invocations.query(query("x"))).to.include({ status: "failed" });
    });

    it("keeps no input", async () => {
        await invocations.run(invoke("x"), async () => 1);
        expect(JSON.stringify(invocations.queryAll("t"))).to.not.contain('"in"');
    });

    it("cancels what runs on a Thing that goes, and forgets it", async () => {
        const run = invocations.run(invoke("x"), () => new Promise(() => undefined));
        invocations.forgetAll();
        expect(await run.catch((thrown: unknown) => thrown)).to.have.property("code", "CANCELLED");
        expect(() => invocations.query(query("x")))
            .to.throw()
            .with.property("code", "NO_INVOCATION");
    });
});
