/**
 * The TDs that HiveKit made for its counter, consumed with node-wot's own API from a server that plays what HiveKit answered: the
 * normaliser has to make sense of them, and each interaction has to become the request that was recorded.
 */
import { Helpers, Servient } from "@node-wot/core";
import { expect } from "chai";
import { normalizeThingDescription, SseScClientFactory, SseScError } from "../../src/index";
import { certificate } from "../support/certificates";
import { Inbox } from "./consumers";
import { type Envelope, parseBlock } from "./raw/event-stream";
import { type Exchange, exchangesOf, fixture, readSteps } from "./raw/recordings";
import { ScriptedServer, type SeenRequest } from "./raw/scripted-server";
import { req } from "./requirements";

const FOLDER = "hivekit-2026-08";

/** TDs, and the recordings in which a consumer used the Thing that they describe. */
const TDS = [
    { td: "server-counter.td.json", recording: "consumer-operations.jsonl" },
    { td: "gateway-digitwin-counter.td.json", recording: "gateway-digitwin.jsonl" },
    { td: "gateway-plain-counter.td.json", recording: "gateway-plain.jsonl" },
] as const;

/** What the Scripting API has methods for, on one affordance. */
const INTERACTIONS = ["readproperty", "writeproperty", "invokeaction"];

/** The consumer's part of a recording: a gateway's shows its agent too. */
function consumerSide(recording: string): Exchange[] {
    const steps = readSteps(`${FOLDER}/${recording}`);
    const own = new Set(
        steps.flatMap((step) => (step.kind === "request" && step.headers["clientid"] === "admin1" ? [step.n] : []))
    );
    return exchangesOf(steps.filter(({ n }) => own.has(n)));
}

/** A block that acknowledges a subscription that was recorded in another form. */
function acknowledge({ envelope = {} }: SeenRequest): string {
    const { operation, thingID, name, correlationID } = envelope;
    const response = { messageType: "response", operation, thingID, name, correlationID, status: "completed" };
    return `event: response\ndata: ${JSON.stringify(response)}\n\n`;
}

describe("recorded TDs, consumed with the Scripting API", () => {
    const running: { stop: () => Promise<unknown> }[] = [];

    afterEach(async () => {
        for (const each of running.splice(0).toReversed()) await each.stop();
    });

    for (const { td: name, recording } of TDS) {
        req("REC-td", `${name}: reads, writes, invokes, observes and subscribes as in ${recording}`, async () => {
            const exchanges = consumerSide(recording);
            const tls = await certificate();
            const server = await ScriptedServer.start({ tls, script: exchanges });
            running.push(server);
            server.when((request) =>
                /^(un)?(observe|subscribe)/.test(String(request.envelope?.["operation"]))
                    ? { status: 201, blocks: [acknowledge(request)] }
                    : undefined
            );
            const text = fixture(`${FOLDER}/${name}`).replaceAll(/localhost:\d+/g, server.authority);
            const td = normalizeThingDescription(JSON.parse(text) as WoT.ThingDescription);
            expect(Helpers.tsSchemaValidator(td), JSON.stringify(Helpers.tsSchemaValidator.errors)).to.equal(true);
            const id = String((JSON.parse(text) as Envelope)["id"]);

            const servient = new Servient();
            servient.addClientFactory(new SseScClientFactory({ caCert: tls.cert }));
            servient.addCredentials({ [td.id ?? ""]: { token: "opaque-token-1" } });
            running.push({ stop: () => servient.shutdown() });
            const thing = await (await servient.start()).consume(td);

            const heard = new Inbox<unknown>();
            const listen: WoT.WotListener = (output) => {
                void output.value().then((value) => {
                    heard.push(value);
                });
            };
            await thing.observeProperty("count", listen);
            await thing.subscribeEvent("overflow", listen);
            const done = new Set<string>();
            for (const exchange of exchanges) {
                const { operation, thingID, name: affordance, input } = exchange.envelope ?? {};
                if (thingID !== id || !INTERACTIONS.includes(String(operation))) continue;
                if (!(String(affordance) in { ...td.properties, ...td.actions })) continue;
                const { response, told } = answerTo(exchange);
                const outcome = interact(thing, String(operation), String(affordance), input);
                if (response["status"] === "failed") {
                    const error: unknown = await outcome.then(
                        () => undefined,
                        (thrown: unknown) => thrown
                    );
                    expect(error).to.be.instanceOf(SseScError);
                    expect((error as SseScError).problem).to.deep.equal(response["error"]);
                } else expect(await outcome).to.deep.equal(response["output"]);
                for (const value of told) expect(await heard.next(3000)).to.deep.equal(value);
                done.add(String(operation));
            }
            expect([...done].sort()).to.deep.equal([...INTERACTIONS].sort());
            expect(server.unmatched).to.deep.equal([]);
        });
    }
});

/** The recorded response, and what it made the property and the event tell. */
function answerTo({ blocks }: Exchange): { response: Envelope; told: unknown[] } {
    const messages = blocks.map((raw) => parseBlock(raw)).map(({ event, json = {} }) => ({ event, json }));
    const response = messages.find(({ event }) => event === "response")?.json ?? {};
    const told = messages
        .filter(({ event, json }) => event === "notification" && json["affordanceType"] !== "action")
        .map(({ json }) => json["value"]);
    return { response, told };
}

async function interact(thing: WoT.ConsumedThing, operation: string, name: string, input: unknown): Promise<unknown> {
    switch (operation) {
        case "readproperty":
            return (await thing.readProperty(name)).value();
        case "writeproperty":
            await thing.writeProperty(name, input as WoT.InteractionInput);
            return undefined;
        default:
            return (await thing.invokeAction(name, input as WoT.InteractionInput))?.value();
    }
}
