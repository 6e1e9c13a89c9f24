/**
 * The hub's own part of a recording that is replayed to our hub. Each hop has ids of its own at ours, so what the recorded agent sent
 * goes out with the ids that our hub gave; what the recorded hub asked on its own account ours is told to ask; and where ours asks an
 * agent what the recorded hub answered in its place, the agent says what that said.
 */
import { isDeepStrictEqual } from "node:util";
import { SseScError, type SseScServer } from "../../../src/index";
import { type Block, type Envelope, parseBlock } from "../raw/event-stream";
import type { BlockStep, Exchange, Step } from "../raw/recordings";
import type { Arrival } from "./attribution";
import { compareValues, type Difference } from "./comparison";

/** What agents POST. */
export const BY_AGENTS = /^\/hiveot\/(response|notification)$/;

/** What an agent says that says nothing in the recording: on which stream it was asked, and its envelope. */
export interface Answer {
    readonly stream: number;
    readonly envelope: Envelope;
}

export class HubSide {
    /** Our hub's ids by the recorded ones. */
    readonly #ids = new Map<string, string>();
    /** What came of the hub's own requests, by their recorded ids. */
    readonly #outcomes = new Map<string, Promise<unknown>>();
    /** Ids of all that consumers asked. */
    #asked = new Set<unknown>();
    #recorded: readonly Block[] = [];

    constructor(private readonly server: SseScServer) {}

    /** Another recording begins. */
    begin(exchanges: readonly Exchange[], steps: readonly Step[]): void {
        this.#ids.clear();
        this.#outcomes.clear();
        this.#asked = new Set(
            exchanges.map(({ path, envelope }) => path === "/hiveot/request" && envelope?.["correlationID"])
        );
        this.#recorded = steps.flatMap((step) => (step.kind === "block" ? [parseBlock(step.raw)] : []));
    }

    /** Makes the requests among the blocks that the recorded hub made on its own account. */
    askAll(blocks: readonly BlockStep[], clientOf: (stream: number) => string): void {
        for (const { n, raw } of blocks) {
            const { event, json = {} } = parseBlock(raw);
            if (event !== "request" || this.#asked.has(json["correlationID"])) continue;
            const { operation, thingID, name, input, correlationID } = json;
            const init = { operation, thingId: thingID, name: name ?? "", input } as Parameters<
                SseScServer["connections"]["request"]
            >[1];
            const outcome = this.server.connections.request(clientOf(n), init).then(
                ({ output }) => ({ output: plain(output) }),
                (error: unknown) => ({ error: error instanceof SseScError ? error.problem : error })
            );
            this.#outcomes.set(String(correlationID), outcome);
        }
    }

    /**
     * Finds for our hub's requests the recorded ones.
     * @returns what the agent is to say to those that were not recorded
     */
    pair(recorded: readonly BlockStep[], arrivals: readonly Arrival[]): Answer[] {
        const requests = recorded.map(({ raw }) => parseBlock(raw)).filter(({ event }) => event === "request");
        return arrivals.flatMap(({ stream, block }) => {
            const json = block.event === "request" ? block.json : undefined;
            const id = json?.["correlationID"];
            if (json === undefined || typeof id !== "string" || [...this.#ids.values()].includes(id)) return [];
            const index = requests.findIndex((other) => isDeepStrictEqual(topicOf(other.json), topicOf(json)));
            const [found] = index < 0 ? [] : requests.splice(index, 1);
            if (found !== undefined) {
                this.#ids.set(String(found.json?.["correlationID"]), id);
                return [];
            }
            const said = this.#recorded.find(
                (other) => other.event === "response" && isDeepStrictEqual(topicOf(other.json), topicOf(json))
            );
            return said?.json === undefined ? [] : [{ stream, envelope: { ...said.json, correlationID: id } }];
        });
    }

    /** What a recorded client sent, with the ids of our hub where it was an agent that sent it. */
    bodyOf({ path }: Exchange, body: string): string {
        if (!BY_AGENTS.test(path)) return body;
        let text = body;
        for (const [recorded, ours] of this.#ids)
            text = text.replaceAll(JSON.stringify(recorded), JSON.stringify(ours));
        return text;
    }

    /** A block of ours as it is compared: the id of a request on its hop is the hub's. */
    shown(block: Block): Block {
        const { event, json } = block;
        const id = json?.["correlationID"];
        const recordedOf = (ours: unknown): string | undefined => [...this.#ids].find((each) => each[1] === ours)?.[0];
        if (event !== "request" || json === undefined) return block;
        // `queryaction` and `cancelaction` name an action by such an id.
        const named = recordedOf(json["input"]);
        const input = named === undefined ? {} : { input: named };
        return { ...block, json: { ...json, ...input, correlationID: recordedOf(id) ?? "<made up>" } };
    }

    /** What the hub got for its own request that this exchange answers, against what the agent said. */
    async differences({ path, envelope }: Exchange): Promise<Difference[]> {
        const outcome =
            path === "/hiveot/response" ? this.#outcomes.get(String(envelope?.["correlationID"])) : undefined;
        if (envelope === undefined || outcome === undefined) return [];
        return compareValues(outcomeOf(envelope), await outcome, "response.outcome");
    }
}

function topicOf(json: Envelope | undefined): unknown {
    return ["operation", "thingID", "name"].map((member) => json?.[member] ?? "");
}

/** What the response of an agent of January means to whoever asked. */
function outcomeOf({ operation, value, error }: Envelope): Envelope {
    if ((error ?? null) !== null) return { error };
    switch (operation) {
        case "readproperty":
            return { output: isObject(value) ? value["data"] : value };
        case "readallproperties":
            if (!isObject(value)) return { output: value };
            return {
                output: Object.fromEntries(
                    Object.entries(value).map(([name, each]) => [name, isObject(each) ? each["data"] : each])
                ),
            };
        case "invokeaction":
        case "queryaction":
            return { output: isObject(value) && value["state"] !== undefined ? value["output"] : value };
        default:
            return { output: undefined };
    }
}

/** What the application was given, without prototypes; of an action that was queried, its output. */
function plain(output: unknown): unknown {
    const value: unknown = output === undefined ? undefined : JSON.parse(JSON.stringify(output));
    return isObject(value) && value["kind"] === "response" ? value["output"] : value;
}

function isObject(value: unknown): value is Envelope {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}
