/** Requests to an agent whose stream is gone while its session lingers (design.md, "Hub to agent"): raw agents, raw consumers. */
import { expect } from "chai";
import type { Envelope } from "../conformance/raw/event-stream";
import { RawAgent } from "../conformance/raw/raw-agent";
import { freshId, type RawClient } from "../conformance/raw/raw-client";
import { eventually } from "../support/eventually";
import { isSecure, SetUp, TRANSPORTS, usernameOf } from "../support/set-ups";
import { onEnd, tdOf } from "./harness";

const LAMP = "lamp-1";
const READ: Envelope = { operation: "readproperty", thingID: LAMP, name: "brightness" };
const BLINK: Envelope = { operation: "invokeaction", thingID: LAMP, name: "blink" };

for (const transport of TRANSPORTS) {
    describe(`an agent that is away from its hub, over ${transport}`, () => {
        let setUp: SetUp;
        let lamp: RawAgent;
        let consumer: RawClient;

        async function connected(role: "device" | "operator"): Promise<RawClient> {
            const client = await setUp.connected(transport, role);
            onEnd(() => client.close());
            return client;
        }

        async function start(lingerTime = 60_000, requestTimeout = 30_000): Promise<void> {
            const server = { hub: { requestTimeout }, lingerTime };
            setUp = await SetUp.start({ secure: isSecure(transport), server, things: [] });
            onEnd(() => setUp.stop());
            const td = tdOf(LAMP, { properties: { brightness: { type: "integer" } }, actions: { blink: {} } });
            await setUp.server.directory.put(td, usernameOf("device"));
            consumer = await connected("operator");
        }

        async function leaves(): Promise<void> {
            lamp.client.stream!.destroy();
            await eventually("away", () => setUp.server.status.lingering === 1);
        }

        /** Comes back as any SSE client can. */
        async function comesBack(): Promise<void> {
            const { client } = lamp;
            const id = client.stream!.blocks.findLast((block) => block.id !== undefined)?.id ?? "";
            await client.openStream({ cid: client.cid ?? "", headers: { "last-event-id": id } });
        }

        async function send(members: Envelope): Promise<string> {
            const correlationID = freshId("c");
            const envelope = { messageType: "request", correlationID, ...members };
            expect(await consumer.post("/hiveot/request", envelope)).to.include({ status: 201 });
            return correlationID;
        }

        /** What the caller was told: the output, or the code of the error. */
        async function outcome(id: string): Promise<unknown> {
            const { json = {} } = await consumer.stream!.response(id);
            const { type } = (json["error"] ?? {}) as { readonly type?: string };
            return type === undefined ? json["output"] : /[A-Z_]+$/.exec(type)?.[0];
        }

        /** What the agent has been asked on its stream of now, in order, up to now. */
        async function asked(): Promise<unknown[]> {
            await lamp.client.call({ operation: "ping" });
            const requests = lamp.client.stream!.blocks.filter(({ event }) => event === "request");
            return requests.map(({ json }) => json?.["name"]);
        }

        it("gets what was asked meanwhile when it comes back, and what it was asked before it left counts yet", async () => {
            await start();
            lamp = new RawAgent(await connected("device"));
            const before = await send(BLINK);
            const request = await lamp.request(BLINK);
            await leaves();
            const meanwhile = await send(READ);
            await lamp.respond(request, { output: "by POST, without a stream" });
            expect(await outcome(before)).to.equal("by POST, without a stream");
            await comesBack();
            await lamp.serve(READ, { output: 5 });
            expect(await outcome(meanwhile)).to.equal(5);
            expect(await asked()).to.deep.equal(["brightness"]);
        });

        it("is asked again what was lost on its way, once", async () => {
            await start();
            lamp = new RawAgent(await connected("device"));
            const { client } = lamp;
            const id = client.stream!.blocks.at(-1)?.id ?? "";
            const blinking = await send(BLINK);
            await lamp.request(BLINK);
            await leaves(); // as if that request had never come
            await client.openStream({ cid: client.cid ?? "", headers: { "last-event-id": id } });
            await lamp.serve(BLINK, { output: 1 });
            expect(await outcome(blinking)).to.equal(1);
            expect(await asked()).to.deep.equal(["blink"]);
        });

        it("is asked by another of its connections, if it has one", async () => {
            await start();
            const other = new RawAgent(await connected("device"));
            lamp = new RawAgent(await connected("device"));
            await leaves();
            const id = await send(BLINK);
            await other.serve(BLINK, { output: 2 });
            expect(await outcome(id)).to.equal(2);
            await comesBack();
            expect(await asked()).to.deep.equal([]);
        });

        it("never gets what nobody waits for any more: that it had not got was not done, of the rest nobody knows", async () => {
            await start(60_000, 300);
            lamp = new RawAgent(await connected("device"));
            const { client } = lamp;
            const last = client.stream!.blocks.at(-1)?.id ?? "";
            const sent = await send(BLINK);
            await lamp.request(BLINK);
            await leaves();
            const [unsent, reading] = [await send(BLINK), await send(READ)];
            expect(await outcome(sent)).to.equal("OUTCOME_UNKNOWN");
            expect([await outcome(unsent), await outcome(reading)]).to.deep.equal(["AGENT_OFFLINE", "AGENT_OFFLINE"]);
            await client.openStream({ cid: client.cid ?? "", headers: { "last-event-id": last } });
            expect(await asked()).to.deep.equal([]);
        });

        it("is not waited for when lingerTime is over", async () => {
            await start(200);
            lamp = new RawAgent(await connected("device"));
            const sent = [await send(BLINK), await send(READ)] as const;
            await lamp.request(BLINK);
            await lamp.request(READ);
            lamp.client.stream!.destroy();
            await eventually("away", () => setUp.server.status.sessions === 1);
            const [unsent, reading] = [await send(BLINK), await send(READ)];
            expect(await Promise.all([...sent, unsent, reading].map(outcome))).to.deep.equal([
                "OUTCOME_UNKNOWN",
                "AGENT_OFFLINE",
                "AGENT_OFFLINE",
                "AGENT_OFFLINE",
            ]);
            expect(setUp.server.status).to.include({ sessions: 1, lingering: 0 });
        });
    });
}
