/**
 * Which request a block of a stream belongs to. The order of a stream does not say: responses overtake replies, and what a slow action
 * has to say comes while other requests are made. The same rules serve what was recorded and what comes now.
 */
import { type Block, type Envelope, parseBlock } from "../raw/event-stream";
import type { Exchange, Step } from "../raw/recordings";

/** A block, the request after which it came, and the stream that it came on. */
export interface Arrival {
    readonly after: number;
    readonly stream: number;
    readonly block: Block;
}

/** The blocks of a recording, each with the last request before it. */
export function recordedArrivals(steps: readonly Step[]): Arrival[] {
    let after = 0;
    return steps.flatMap((step) => {
        if (step.kind === "request") after = step.n;
        return step.kind === "block" ? [{ after, stream: step.n, block: parseBlock(step.raw) }] : [];
    });
}

/** Blocks by the number of the request that they belong to. */
export function attribute(
    exchanges: readonly Exchange[],
    arrivals: readonly Arrival[]
): ReadonlyMap<number, readonly Block[]> {
    const blocks = new Map<number, Block[]>(exchanges.map(({ n }) => [n, []]));
    const order = new Map(exchanges.map(({ n }, index) => [n, index]));
    const unanswered = new Set(exchanges.map(({ n }) => n));
    for (const { after, block } of arrivals) {
        const until = exchanges.slice(0, (order.get(after) ?? -1) + 1);
        const { event, json = {} } = block;
        const asked = event === "notification" ? publishedBy(until, json) : undefined;
        const answered = event === "response" ? askedBy(until, json, unanswered) : undefined;
        if (answered !== undefined) unanswered.delete(answered);
        blocks.get(asked ?? answered ?? after)?.push(block);
    }
    return blocks;
}

/** The POST by which an agent published what a hub sends on. */
function publishedBy(until: readonly Exchange[], { messageID }: Envelope): number | undefined {
    const isIt = ({ path, envelope }: Exchange): boolean =>
        path === "/hiveot/notification" && envelope?.["messageID"] === messageID;
    return messageID === undefined ? undefined : until.findLast(isIt)?.n;
}

/** The latest request that a response may answer by its id; without ids the first one that has no answer yet. */
function askedBy(until: readonly Exchange[], json: Envelope, unanswered: ReadonlySet<number>): number | undefined {
    const byId = until.findLast(({ path, envelope }) => {
        const id = envelope?.["correlationID"];
        return path !== "/hiveot/response" && id !== undefined && id === json["correlationID"];
    });
    if (byId !== undefined) return byId.n;
    return until.find(
        ({ n, envelope }) =>
            envelope !== undefined &&
            envelope["correlationID"] === undefined &&
            envelope["operation"] === json["operation"] &&
            (envelope["name"] ?? "") === (json["name"] ?? "") &&
            unanswered.has(n)
    )?.n;
}
