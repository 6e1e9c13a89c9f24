/**
 * The scenarios' consumer on a raw client. Every envelope that comes is compared with protocol.md, member by member: not only
 * must what the scenario asks for be there, nothing else may be.
 */
import { expect } from "chai";
import {
    type Consumer,
    type Failure,
    type Heard,
    type Listening,
    type Outcome,
    type Running,
    type Target,
} from "./consumers";
import { type Block, type Envelope, freshId, PATIENCE, type RawClient } from "./raw/raw-client";

/** Problem types of ours begin with this (lib/PROTOCOL.md). */
export const PROBLEM = "urn:hiveot-ssesc:problem:";

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

/** A request envelope as protocol.md shows it. */
function requestEnvelope(operation: string, { thingId, name, input }: Target, id = freshId("c")): Envelope {
    return {
        messageType: "request",
        operation,
        thingID: thingId ?? "",
        ...(name === undefined ? {} : { name }),
        ...(input === undefined ? {} : { input }),
        correlationID: id,
        messageID: freshId("m"),
        created: new Date().toISOString(),
    };
}

/** Checks that a block is framed as protocol.md, "Stream", says, and gives its envelope. */
function checkFrame(block: Block): Envelope {
    const id = block.id === undefined ? "" : `id: ${block.id}\n`;
    expect(block.raw).to.equal(`${id}event: ${String(block.event)}\ndata: ${String(block.data)}\n\n`);
    if (block.json === undefined) throw new Error(`No envelope: ${block.raw}`);
    return block.json;
}

/** Checks that a response is the one to `request`, with all members of protocol.md and no others. */
function checkResponse(block: Block, request: Envelope, { clientId, dialect }: RawClient): Envelope {
    expect(block.event).to.equal("response");
    const response = checkFrame(block);
    const { output, error, messageID, timestamp } = response;
    const failed = error !== undefined;
    const invoked = request["operation"] === "invokeaction";
    expect(response).to.deep.equal({
        messageType: "response",
        operation: request["operation"],
        ...(isEmpty(request["thingID"]) ? {} : { thingID: request["thingID"] }),
        ...(isEmpty(request["name"]) ? {} : { name: request["name"] }),
        ...(output === undefined ? {} : { output }),
        status: failed ? "failed" : "completed",
        correlationID: request["correlationID"],
        messageID,
        senderID: "",
        // Who asked is named where an action was invoked; January's dialect has the member nowhere else.
        ...(dialect === "rrn" || "consumerID" in response ? { consumerID: invoked ? clientId : "" } : {}),
        timestamp,
        ...(failed ? { error } : {}),
    });
    expect(messageID).to.be.a("string").and.not.equal("");
    expect(timestamp).to.match(TIME);
    if (failed) checkProblem(error);
    return response;
}

/** Checks that `problem` is one of ours (RFC 9457), and reads it. */
export function checkProblem(problem: unknown): Failure {
    const { status, type, title } = problem as Envelope;
    expect(problem).to.deep.equal({ status, type, title });
    expect(status).to.be.within(400, 599);
    expect(type).to.match(/^urn:hiveot-ssesc:problem:[A-Z_]+$/);
    expect(title).to.be.a("string").and.not.equal("");
    return {
        ok: false,
        status: status as number,
        code: (type as string).slice(PROBLEM.length),
        title: title as string,
    };
}

/** Checks that a block is a notification with all members of protocol.md and no others. */
export function checkNotification(block: Block): Envelope {
    expect(block.event).to.equal("notification");
    const notification = checkFrame(block);
    const { affordanceType, thingID, name, value, messageID, senderID, correlationID, timestamp } = notification;
    expect(notification).to.deep.equal({
        messageType: "notification",
        affordanceType,
        thingID,
        name,
        value,
        messageID,
        senderID,
        ...(affordanceType === "action" ? { correlationID } : {}),
        timestamp,
    });
    expect(affordanceType).to.be.oneOf(["event", "property", "action"]);
    expect(messageID).to.be.a("string").and.not.equal("");
    expect(senderID).to.be.a("string");
    expect(timestamp).to.match(TIME);
    if (affordanceType === "action") checkRunning(value, notification);
    return notification;
}

function checkRunning(value: unknown, { thingID, name, correlationID }: Envelope): void {
    expect(correlationID).to.be.a("string").and.not.equal("");
    expect(value).to.include({ status: "running", thingID, name, correlationID });
}

function isEmpty(value: unknown): boolean {
    return value === undefined || value === null || value === "";
}

/** What a subscription operation selects by. */
function affordanceOf(operation: string): Heard["affordance"] {
    if (operation.includes("propert")) return "property";
    return operation.includes("action") ? "action" : "event";
}

function asHeard(envelope: Envelope): Heard {
    const affordance = envelope["affordanceType"] as Heard["affordance"];
    const value = envelope["value"];
    return {
        affordance,
        thingId: envelope["thingID"] as string,
        name: envelope["name"] as string,
        value: affordance === "action" ? (value as Envelope)["output"] : value,
    };
}

/** A consumer that is a raw client with an open stream. */
export class RawConsumer implements Consumer {
    constructor(readonly client: RawClient) {}

    get clientId(): string {
        return this.client.clientId ?? "";
    }

    async perform(operation: string, target: Target = {}): Promise<Outcome> {
        return await this.#perform(requestEnvelope(operation, target), target);
    }

    async listen(operation: string, target: Target = {}): Promise<Listening> {
        const outcome = await this.perform(operation, target);
        if (!outcome.ok) throw new Error(`${operation} was refused: ${outcome.code}`);
        expect(outcome.output).to.equal(undefined);
        const { stream } = this.client;
        if (stream === undefined) throw new Error("No stream is open");
        const affordance = affordanceOf(operation);
        const concerns = ({ event, json }: Block): boolean =>
            event === "notification" &&
            json?.["affordanceType"] === affordance &&
            (isEmpty(target.thingId) || json["thingID"] === target.thingId) &&
            (isEmpty(target.name) || json["name"] === target.name);
        const start = stream.blocks.length;
        return {
            get heard() {
                return stream.blocks
                    .slice(start)
                    .filter(concerns)
                    .map((block) => asHeard(checkNotification(block)));
            },
            next: async () => asHeard(checkNotification(await stream.next(concerns))),
            stop: async () => {
                const stopped = await this.perform(`un${operation}`, target);
                expect(stopped).to.deep.equal({ ok: true, output: undefined });
            },
        };
    }

    invoke(target: Target): Running {
        const id = freshId("action");
        const outcome = this.#perform(requestEnvelope("invokeaction", target, id), target);
        const { stream } = this.client;
        return {
            id,
            outcome,
            progress: () =>
                (stream?.blocks ?? [])
                    .filter(({ event, json }) => event === "notification" && json?.["correlationID"] === id)
                    .map((block) => asHeard(checkNotification(block)).value),
        };
    }

    async close(): Promise<void> {
        await this.client.close();
        expect(this.client.stream?.faults ?? []).to.deep.equal([]);
    }

    async #perform(request: Envelope, { uriVariables = {} }: Target): Promise<Outcome> {
        const variables = Object.entries(uriVariables).map(
            ([name, value]) => [name, String(value)] as [string, string]
        );
        const query = variables.length === 0 ? "" : `?${new URLSearchParams(variables).toString()}`;
        const { reply, block } = await this.client.call(request, { query, timeoutMs: PATIENCE });
        expect(reply).to.include({ status: 201, body: "" });
        const { output, error } = checkResponse(block, request, this.client);
        return error === undefined ? { ok: true, output } : checkProblem(error);
    }
}
