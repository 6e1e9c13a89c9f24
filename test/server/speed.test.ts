import { ServerResponse } from "node:http";
import { Http2ServerResponse } from "node:http2";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { rrn } from "../../lib/converters/rrn";
import type { RawClient } from "../conformance/raw/raw-client";
import { SetUp, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

/** What must be done once, counted; how fast it is, the benchmarks tell. */
describe("speed by design", () => {
    let setUp: SetUp;

    beforeEach(async () => {
        setUp = await SetUp.start({ secure: false, things: [COUNTER_ID] });
    });

    afterEach(async () => {
        await setUp.stop();
    });

    async function subscribers(count: number, name: string): Promise<RawClient[]> {
        await setUp.token("admin");
        return Promise.all(
            Array.from({ length: count }, async () => {
                const client = await setUp.connected("plain h1");
                await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name });
                return client;
            })
        );
    }

    it("encodes a notification once for 200 streams", async () => {
        const clients = await subscribers(200, "tick");
        let encoded = 0;
        const encode = rrn.encode.bind(rrn);
        rrn.encode = (message) => {
            encoded++;
            return encode(message);
        };
        try {
            setUp.counter.tick("hello");
            await Promise.all(clients.map(async (client) => client.stream?.notification({ value: "hello" })));
        } finally {
            rrn.encode = encode;
        }
        expect(encoded).to.equal(1);
        await Promise.all(clients.map((client) => client.wire.close()));
    });

    it("has one node-wot listener for 200 subscribers", async () => {
        const { listeners } = setUp.server.status;
        const clients = await subscribers(200, "alarm");
        expect(setUp.server.status).to.include({ subscribers: 200, listeners: listeners + 1 });
        expect(setUp.counter.alarm.subscribed).to.equal(1);
        await Promise.all(clients.map((client) => client.wire.close()));
    });

    it("verifies a token once", async () => {
        const client = await setUp.connected("plain h1");
        const { tokenVerifications } = setUp.server.status;
        for (let n = 0; n < 10; n++) await client.call({ operation: "ping" });
        expect(setUp.server.status.tokenVerifications).to.equal(tokenVerifications);
        expect(tokenVerifications).to.equal(1);
        await client.wire.close();
    });
});

for (const transport of ["plain h1", "TLS h1", "TLS h2"] satisfies Transport[]) {
    describe(`writes over ${transport}`, () => {
        let setUp: SetUp;

        before(async () => {
            setUp = await SetUp.start({ secure: transport !== "plain h1", things: [COUNTER_ID] });
        });

        after(async () => {
            await setUp.stop();
        });

        it("send the frames of 100 emits in one turn in at most 2 writes per stream", async () => {
            const clients = await Promise.all(Array.from({ length: 5 }, () => setUp.connected(transport)));
            for (const client of clients)
                await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
            const { prototype } = transport === "TLS h2" ? Http2ServerResponse : ServerResponse;
            const target = prototype as { write: (this: unknown, ...args: unknown[]) => boolean };
            const { write } = target;
            const writes = new Map<unknown, number>();
            target.write = function (...args) {
                writes.set(this, (writes.get(this) ?? 0) + 1);
                return write.apply(this, args);
            };
            try {
                await turn();
                for (let n = 1; n <= 100; n++) setUp.counter.tick(String(n));
                await Promise.all(clients.map(async (client) => client.stream?.notification({ value: "100" })));
            } finally {
                target.write = write;
            }
            expect(writes.size).to.equal(5);
            expect(Math.max(...writes.values())).to.be.at.most(2);
            for (const client of clients) {
                const values = client.stream?.notifications().map(({ value }) => value);
                expect(values).to.deep.equal(Array.from({ length: 100 }, (_, index) => String(index + 1)));
                await client.wire.close();
            }
        });
    });
}
