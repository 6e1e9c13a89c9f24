import { expect } from "chai";
import { SseScAgent, SseScError, type SseScAgentConfig } from "../../src/index";

const HUB = "sse://hub.example:8444";

function refusal(config: object): string {
    try {
        new SseScAgent(config as SseScAgentConfig);
    } catch (error) {
        expect(error).to.be.instanceOf(SseScError).with.property("code", "INVALID_CONFIG");
        return (error as SseScError).message;
    }
    throw new Error("was accepted");
}

describe("SseScAgent config", () => {
    const cases: [string, object, RegExp][] = [
        ["no hub", {}, /^hub /],
        ["a hub that is no URL", { hub: "hub.example" }, /^hub /],
        ["a hub with a user name", { hub: "sse://me@hub.example" }, /^hub /],
        ["a hub without TLS elsewhere", { hub: "sse-plain://hub.example" }, /^hub .*allowInsecure/],
        ["allowInsecure with TLS", { hub: HUB, allowInsecure: true }, /^allowInsecure /],
        ["options of TLS without it", { hub: "http://127.0.0.1:1", caCert: "ca.pem" }, /^caCert /],
        ["an unknown option", { hub: HUB, hob: 1 }, /^hob /],
        ["an option of factories", { hub: HUB, idleTimeout: 1 }, /^idleTimeout /],
        ["credentials of no kind", { hub: HUB, credentials: { user: "x" } }, /^credentials/],
        ["a directory that is none", { hub: HUB, directory: "" }, /^directory /],
        ["removal without a directory", { hub: HUB, directory: false, removeOnDestroy: true }, /^removeOnDestroy /],
        ["an unknown bound", { hub: HUB, outbox: { max: 1 } }, /^outbox\.max /],
        ["a bound that is none", { hub: HUB, outbox: { maxBytes: 0 } }, /^outbox\.maxBytes /],
    ];
    for (const [what, config, message] of cases) {
        it(`refuses ${what}`, () => {
            expect(refusal(config)).to.match(message);
        });
    }

    it("takes a hub without TLS elsewhere if that is allowed", () => {
        expect(new SseScAgent({ hub: "http://hub.example", allowInsecure: true }).scheme).to.equal("sse-plain");
    });
});
