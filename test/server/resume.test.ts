/** A stream that drops and comes back: what was missed follows, each once, and nothing is done twice (PROTOCOL.md, "Resume"). */
import { expect } from "chai";
import type { RawClient } from "../conformance/raw/raw-client";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { isSecure, SetUp, TRANSPORTS, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const OURS = { "hiveot-features": "resume" };

describe("a stream that is resumed", () => {
    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let setUp: SetUp;
            let client: RawClient;

            async function start(server: object = { lingerTime: 60_000 }): Promise<void> {
                setUp = await SetUp.start({ secure: isSecure(transport), server, things: [COUNTER_ID] });
                onEnd(() => setUp.stop());
                client = await clientOf(transport);
            }

            async function clientOf(by: Transport): Promise<RawClient> {
                const made = await setUp.client(by, "operator");
                onEnd(() => made.close());
                return made;
            }

            async function open(headers: Record<string, string>): Promise<string> {
                const stream = await client.openStream({ cid: "c", headers });
                const ping = await stream.next(({ event }) => event === "sse-ping");
                return (ping as { id?: string }).id ?? "";
            }

            async function drop(): Promise<void> {
                client.stream!.destroy();
                await eventually("the stream is gone", () => setUp.server.status.lingering === 1);
            }

            const heard = (): unknown[] => client.stream!.notifications().map(({ value }) => value);

            it("has what was missed, in order and once, and its subscriptions", async () => {
                await start();
                await open(OURS);
                await client.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
                setUp.counter.tick("one");
                await client.stream!.notification({ value: "one" });
                const last = client.stream!.blocks.at(-1)?.id ?? "";
                await drop();
                setUp.counter.tick("two");
                setUp.counter.tick("three");
                const id = await open({ ...OURS, "last-event-id": last });
                expect([id, client.stream!.headers["hiveot-resume"]]).to.deep.equal([last, "resumed"]);
                setUp.counter.tick("four");
                await client.stream!.notification({ value: "four" });
                expect(heard()).to.deep.equal(["two", "three", "four"]);
            });
        });
    }
});
