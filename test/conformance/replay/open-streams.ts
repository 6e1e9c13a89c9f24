/** The streams that are open in a replay: what is to come on them, and what has come. */
import { type Block, type Envelope, parseBlock, type RawStream } from "../raw/event-stream";
import type { RequestHeaders, Wire } from "../raw/raw-client";
import type { BlockStep, Exchange, Step } from "../raw/recordings";
import type { Arrival } from "./attribution";
import { BY_AGENTS } from "./hub-side";

/** How long to wait for a block that was recorded, in milliseconds. */
export const PATIENCE = 2000;

/** A stream as a recorded client opened it. */
export interface OpenStream {
    readonly n: number;
    readonly stream: RawStream;
    readonly headers: RequestHeaders;
    readonly wire: Wire;
    /** Blocks that have been collected. */
    read: number;
}

/** The blocks that were recorded between this request and the next one. */
export function expectedAfter(steps: readonly Step[], index: number): BlockStep[] {
    const expected: BlockStep[] = [];
    for (const step of steps.slice(index + 1)) {
        if (step.kind === "request") break;
        if (step.kind === "block") expected.push(step);
    }
    return expected;
}

/** Waits for as many messages as were recorded; what does not come is a difference, not an error. */
export async function settled(
    expected: readonly BlockStep[],
    open: ReadonlyMap<number, OpenStream>,
    { envelope, path }: Exchange
): Promise<void> {
    // A hub passes these on before it replies, or not at all.
    if (BY_AGENTS.test(path)) return;
    for (const { n, raw } of expected) {
        const stream = open.get(n)?.stream;
        const { event, json } = parseBlock(raw);
        if (stream === undefined || event === undefined || event === "sse-ping") continue;
        const id = json?.["correlationID"];
        const mine = event === "response" && envelope?.["correlationID"] !== undefined;
        const otherwise =
            event === "request" ? inPlaceOf(json, "response", open) : inPlaceOf(envelope, "request", open);
        let over = false;
        const came = stream
            .next(
                (block) => !over && block.event === event && (!mine || block.json?.["correlationID"] === id),
                PATIENCE
            )
            .catch(() => undefined);
        await Promise.race([came, otherwise]);
        over = true;
    }
}

/**
 * The other message came instead, and stays there to be taken: a hub answered what the recorded one passed on, or asks the agent where
 * the recorded one answered.
 */
function inPlaceOf(
    json: Envelope | undefined,
    event: "request" | "response",
    open: ReadonlyMap<number, OpenStream>
): Promise<void> {
    const members = event === "response" ? ["correlationID"] : ["operation", "thingID", "name"];
    return new Promise((resolve) => {
        const seen = (block: Block): boolean => {
            if (block.event === event && members.every((member) => block.json?.[member] === json?.[member])) resolve();
            return false;
        };
        for (const { stream } of open.values()) stream.next(seen, PATIENCE).catch(() => undefined);
    });
}

/** The streams to which an answer can come: of those with the same cid the latest one. */
export function latest(open: ReadonlyMap<number, OpenStream>): OpenStream[] {
    const byCid = new Map(
        [...open.values()].map((each) => [
            `${String(each.headers["authorization"])} ${String(each.headers["cid"])}`,
            each,
        ])
    );
    return [...byCid.values()];
}

/** Takes what has come since the last time. */
export function collect(open: ReadonlyMap<number, OpenStream>, after: number, arrivals: Arrival[]): void {
    for (const each of open.values()) {
        const { blocks } = each.stream;
        for (const block of blocks.slice(each.read)) arrivals.push({ after, stream: each.n, block });
        each.read = blocks.length;
    }
}
