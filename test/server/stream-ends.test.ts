/** Streams end ahead of the credential that opened them; their sessions stay for whoever comes back with another one. */
import { expect } from "chai";
import { Strategy } from "passport";
import { onEnd } from "../hub/harness";
import { RawClient, type RequestHeaders } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { spreadExpiry } from "../../src/http/session";
import { isSecure, SetUp, TRANSPORTS } from "../support/set-ups";

const PING = { operation: "ping" } as const;
const OURS = { "hiveot-features": "resume" };
const SOON = 400;

/** Takes whoever names the end of his credential. */
class EndsStrategy extends Strategy {
    override authenticate({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): void {
        this.success({ clientId: "operator1", expiresAt: Number(headers["x-ends"]) });
    }
}

class EndingClient extends RawClient {
    ends = 0;

    override headers(): RequestHeaders {
        return { ...super.headers(), "x-ends": String(this.ends) };
    }

    /** Opens the stream of the one session of this client. @returns what the server says of its resumption */
    async open(ends: number, resumes: boolean): Promise<string | undefined> {
        this.ends = ends;
        const lastEventId = this.stream?.blocks.at(-1)?.id ?? "";
        const stream = await this.openStream({
            cid: "c",
            headers: { ...OURS, ...(resumes ? { "last-event-id": lastEventId } : {}) },
        });
        await stream.next(({ event }) => event === "sse-ping");
        return stream.headers["hiveot-resume"];
    }
}

describe("the moment at which a stream ends", () => {
    const endOf = (ahead: number): number[] => {
        const expiresAt = Date.now() + ahead;
        return Array.from({ length: 1_000 }, () => expiresAt - spreadExpiry(expiresAt));
    };

    it("is spread over the 30 s ahead of the end of its credential, never behind it", () => {
        const ends = endOf(3_600_000);
        for (const ahead of ends) expect(ahead).to.be.within(0, 30_000);
        for (const third of [0, 1, 2]) {
            const inIt = ends.filter((ahead) => Math.floor(ahead / 10_000) === third);
            expect(inIt, `third ${String(third)}`).to.have.length.within(200, 500); // of 333; chance goes nowhere near that
        }
    });

    it("is in the second half of what is left, where that is less than a minute, and at once where nothing is", () => {
        for (const ahead of endOf(10_000)) expect(ahead).to.be.within(0, 5_000);
        for (const ahead of endOf(-10)) expect(ahead).to.equal(0);
    });
});

for (const transport of TRANSPORTS) {
    describe(`a stream whose credential ends, over ${transport}`, () => {
        let setUp: SetUp;
        let client: EndingClient;

        beforeEach(async () => {
            const server = { strategies: [new EndsStrategy()], lingerTime: 60_000 };
            setUp = await SetUp.start({ secure: isSecure(transport), things: [], server });
            onEnd(() => setUp.stop());
            client = new EndingClient(setUp.wire(transport));
            onEnd(() => client.close());
        });

        it("ends ahead of it, and is resumed with another one", async () => {
            await client.open(Date.now() + SOON, false);
            await client.stream!.closed;
            expect(setUp.server.status).to.include({ sessions: 0, lingering: 1 });
            expect(await client.open(Date.now() + 60_000, true)).to.equal("resumed");
            expect((await client.call(PING)).envelope).to.include({ output: "pong" });
        });

        it("does not end with the credential of a stream that it took the place of", async () => {
            const ends = Date.now() + SOON;
            await client.open(ends, false);
            expect(await client.open(Date.now() + 60_000, true)).to.equal("resumed");
            await eventually("the first credential has ended", () => Date.now() > ends);
            expect((await client.call(PING)).envelope).to.include({ output: "pong" });
            expect(client.stream!.ended).to.equal(false);
        });

        it("lives longer than any timer", async () => {
            const warnings: Error[] = [];
            const warned = (warning: Error): void => void warnings.push(warning);
            process.on("warning", warned);
            onEnd(() => process.off("warning", warned));
            await client.open(Date.now() + 60 * 24 * 3_600_000, false);
            for (let n = 0; n < 3; n++) expect((await client.call(PING)).envelope).to.include({ output: "pong" });
            expect(warnings).to.deep.equal([]);
        });
    });
}
