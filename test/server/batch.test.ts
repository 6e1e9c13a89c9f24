/** Batches of notifications as a server takes them: what only a raw client sends. */
import { expect } from "chai";
import { connect, type Connection } from "../../src/index";
import { tdOf } from "../hub/harness";
import { eventually } from "../support/eventually";
import { SetUp, usernameOf } from "../support/set-ups";

const LAMP = "lamp-1";

describe("a batch of notifications", () => {
    let setUp: SetUp;
    let consumer: Connection;
    const values: unknown[] = [];

    before(async () => {
        setUp = await SetUp.start({ secure: false, server: { hub: true, maxMessageSize: 100_000 }, things: [] });
        await setUp.server.directory.put(tdOf(LAMP, { events: { failed: {} } }), usernameOf("device"));
        consumer = await connect(setUp.origin, { token: await setUp.token("viewer") });
        await consumer.subscribeEvent(LAMP, "failed", { onNotification: ({ value }) => values.push(value) });
    });

    beforeEach(() => {
        values.length = 0;
    });

    after(async () => {
        await consumer.close();
        await setUp.stop();
    });

    function line(value: unknown, rest: object = {}): string {
        return JSON.stringify({ affordanceType: "event", thingID: LAMP, name: "failed", value, ...rest });
    }

    async function post(body: string): Promise<number> {
        const { status } = await fetch(`${setUp.origin}/hiveot/notification`, {
            method: "POST",
            headers: {
                authorization: `bearer ${await setUp.token("device")}`,
                cid: "one",
                "content-type": "application/x-ndjson; charset=utf-8",
            },
            body,
        });
        return status;
    }

    it("is read line by line, in order; what is no notification is left out", async () => {
        const deep = `{"affordanceType":"event","thingID":"${LAMP}","name":"failed","value":${"[".repeat(99)}${"]".repeat(99)}}`;
        const bad = ["no JSON", "[]", '{"affordanceType":"nothing"}', deep];
        const status = await post(
            [line(1), ...bad, "", line(2, { __proto__: { polluted: true } }), line(3)].join("\n")
        );
        expect(status).to.equal(204);
        await eventually("they came", () => values.length === 3);
        expect(values).to.deep.equal([1, 2, 3]);
    });

    it("counts only for the sender's Things", async () => {
        expect(await post([line("forged", { thingID: "lamp-2" }), line("own")].join("\n"))).to.equal(204);
        await eventually("it came", () => values.length === 1);
        expect(values).to.deep.equal(["own"]);
    });

    it("is refused as a whole when it is too large, or has too many lines", async () => {
        expect(await post(line("x".repeat(100_000)))).to.equal(413);
        expect(await post(Array(1_001).fill("{}").join("\n"))).to.equal(413);
    });

    it("is agreed on when the stream is opened, and only if asked for", async () => {
        const opened = async (features?: string): Promise<string | null> => {
            const end = new AbortController();
            const reply = await fetch(`${setUp.origin}/hiveot/ssesc`, {
                signal: end.signal,
                headers: {
                    authorization: `bearer ${await setUp.token("device")}`,
                    cid: `cid-${features ?? ""}`,
                    ...(features === undefined ? {} : { "hiveot-features": features }),
                },
            });
            end.abort();
            return reply.headers.get("hiveot-features");
        };
        expect(await opened("resume, Batch, other")).to.equal("batch, resume");
        expect(await opened("other")).to.equal(null);
        expect(await opened()).to.equal(null);
    });
});
