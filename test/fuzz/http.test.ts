/** A running hub, and requests with anything in them: each is answered or cut in time, calmly, and the hub stays what it was. */
import * as http from "node:http";
import * as https from "node:https";
import { expect } from "chai";
import fc from "fast-check";
import { SetUp } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";
import { expectCalm, OPEN_CID, statuses } from "./http-cases";
import { exchange, rawCases } from "./http1";
import { frames, Http2Client, http2Cases, sendFrames } from "./http2";
import { fuzz, IS_LONG } from "./runs";

/** Requests that are under way at once. */
const AT_ONCE = 16;

const many = <T>(cases: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.array(cases, { minLength: AT_ONCE, maxLength: AT_ONCE, size: "max" });

for (const secure of [false, true]) {
    describe(`a hub with hostile clients on ${secure ? "HTTP/2 over TLS" : "plain HTTP/1.1"}`, () => {
        let hub: SetUp;
        let token = "";
        let stream: http.IncomingMessage | undefined;
        const thrown: unknown[] = [];
        const note = (error: unknown): void => void thrown.push(error);

        before(async () => {
            process.on("uncaughtExceptionMonitor", note);
            process.on("unhandledRejection", note);
            hub = await SetUp.start({ secure, server: { hub: true }, things: [COUNTER_ID] });
            await begin();
        });

        after(async () => {
            process.off("uncaughtExceptionMonitor", note);
            process.off("unhandledRejection", note);
            stream?.destroy();
            await hub.stop();
        });

        /** Logs in, and opens the stream that many of the requests belong to. */
        async function begin(): Promise<void> {
            stream?.destroy();
            token = await logIn();
            const headers = { cid: OPEN_CID, authorization: `Bearer ${token}` };
            const options = { agent: false, headers, ca: hub.certificate.cert } as const;
            const opened = (secure ? https : http).get(`${hub.origin}/hiveot/ssesc`, options);
            opened.on("error", () => undefined);
            stream = await new Promise<http.IncomingMessage>((resolve) => opened.once("response", resolve));
            stream.on("error", () => undefined);
            expect(stream.resume().statusCode).to.equal(200);
        }

        /** A token of its own: `SetUp` keeps one, which a fuzzed log-out may have ended. */
        async function logIn(): Promise<string> {
            const client = await hub.client(secure ? "TLS h1" : "plain h1");
            const reply = await client.login("admin1", "password of admin");
            await client.close();
            if (client.token === undefined) throw new Error(`Login answered ${reply.status} ${reply.body}`);
            return client.token;
        }

        /** The process lives, and the hub serves who behaves. */
        async function expectHealthy(): Promise<void> {
            expect(thrown).to.deep.equal([]);
            const wire = hub.wire(secure ? "TLS h2" : "plain h1");
            expect(await wire.request("GET", "/ping")).to.include({ status: 200, body: "." });
            const profile = await wire.request("GET", "/authn/profile", {
                headers: { authorization: `Bearer ${token}` },
            });
            await wire.close();
            if (profile.status === 401)
                token = await logIn(); // a log-out was among the requests
            else expect(profile.status).to.equal(200);
        }

        function report(): void {
            if (!IS_LONG) return;
            const counts = [...statuses].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
            console.log(`      statuses ${counts.join(", ")}`);
            statuses.clear();
        }

        if (!secure) {
            it("answers or closes every connection", async () => {
                const property = fc.asyncProperty(many(rawCases), async (cases) => {
                    const all = await Promise.all(cases.map((each) => exchange(hub.port, each, token)));
                    for (const [at, replies] of all.entries()) {
                        const asked = JSON.stringify(cases[at]?.text);
                        for (const { status, body } of replies) expectCalm(status, body, asked);
                    }
                    await expectHealthy();
                });
                await fuzz("HTTP/1.1", { short: 320, long: 16_000, perRun: AT_ONCE }, property);
                report();
            });
            return;
        }

        it("answers or closes every request", async () => {
            const client = new Http2Client(hub.origin, hub.certificate.cert);
            try {
                const property = fc.asyncProperty(many(http2Cases), async (cases) => {
                    const replies = await Promise.all(cases.map((each) => client.exchange(each, token)));
                    for (const [at, reply] of replies.entries()) {
                        if (reply !== undefined) expectCalm(reply.status, reply.body, JSON.stringify(cases[at]));
                    }
                    await expectHealthy();
                });
                await fuzz("HTTP/2", { short: 320, long: 16_000, perRun: AT_ONCE }, property);
                if (IS_LONG) console.log(`      refused by node:http2 itself: ${client.refused}`);
                report();
            } finally {
                client.close();
            }
        });

        it("closes every connection with frames of any kind", async () => {
            const property = fc.asyncProperty(many(frames), async (cases) => {
                await Promise.all(cases.map((bytes) => sendFrames(hub.port, hub.certificate.cert, bytes)));
                await expectHealthy();
            });
            await fuzz("HTTP/2 frames", { short: 48, long: 3_200, perRun: AT_ONCE }, property);
        });
    });
}
