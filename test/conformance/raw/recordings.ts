/**
 * Recordings as scripts: reads a `*.jsonl` of test/fixtures line by line, and cuts it into exchanges, each a request together with
 * the literal bytes that it was answered with. Reads the line formats of both states of HiveKit (the READMEs beside the
 * recordings explain them) and those of our own live runs; a line without a direction says something about the file and is left out.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Envelope, ReplyHeaders } from "./event-stream";

/** What a line of a recording says. `n` is the number of the request, a stream's that of the request that opened it. */
export type Step = RequestStep | ReplyStep | BlockStep | EndStep;

/** A request by the side that dials. */
interface RequestStep {
    readonly kind: "request";
    readonly n: number;
    /** `HTTP/2.0` or `HTTP/1.1`. */
    readonly proto: string;
    readonly method: string;
    readonly path: string;
    readonly headers: ReplyHeaders;
    readonly body: string;
    /** What whoever made the recording says of it. */
    readonly note: string | undefined;
}

/** The HTTP reply to a request. */
interface ReplyStep {
    readonly kind: "reply";
    readonly n: number;
    readonly status: number;
    readonly headers: ReplyHeaders;
    readonly body: string;
}

/** A block of a stream: literal bytes, the blank line included. */
export interface BlockStep {
    readonly kind: "block";
    readonly n: number;
    readonly raw: string;
}

/** A stream ended. */
export interface EndStep {
    readonly kind: "end";
    readonly n: number;
    /** Who ended it, where the recording knows. */
    readonly by: "client" | "server" | undefined;
}

/** One recorded request, the reply to it, and the blocks that it caused on the stream. */
export interface Exchange extends Omit<RequestStep, "kind"> {
    /** The body, where it is an envelope. */
    readonly envelope: Envelope | undefined;
    /** Status 0 where there was none. */
    readonly reply: Omit<ReplyStep, "kind" | "n">;
    /** What came on any stream after this request and before the next one: literal bytes. */
    readonly blocks: readonly string[];
    /** Blocks came ahead of the reply. */
    readonly blocksFirst: boolean;
}

interface Line {
    readonly dir?: string;
    readonly n: number;
    readonly proto?: string;
    readonly method?: string;
    readonly path?: string;
    readonly headers?: ReplyHeaders;
    readonly body?: string;
    readonly status?: number;
    readonly raw?: string;
    /** In August what `raw` holds, parsed; in January the raw text. */
    readonly sse?: unknown;
    readonly end?: string | boolean;
    readonly note?: string;
}

const FIXTURES = join(__dirname, "../../fixtures");

/** The text of a file of test/fixtures, such as `hivekit-2026-08/auth.jsonl`. */
export function fixture(file: string): string {
    return readFileSync(join(FIXTURES, file), "utf8");
}

/**
 * Everything that a recording holds, in the order in which it passed.
 * @param renamed Thing ids that are to read otherwise
 */
export function readSteps(file: string, renamed: Readonly<Record<string, string>> = {}): Step[] {
    return Object.entries(renamed)
        .reduce((text, [from, to]) => text.replaceAll(from, to), fixture(file))
        .split("\n")
        .filter((line) => line.trim() !== "")
        .flatMap((line) => stepOf(JSON.parse(line) as Line));
}

function stepOf({ dir, n, headers = {}, body = "", ...line }: Line): Step[] {
    if (dir === "c>s") {
        const { proto = "HTTP/2.0", method = "", path = "", note } = line;
        return [{ kind: "request", n, proto, method, path, headers, body, note }];
    }
    if (dir !== "s>c" && dir !== "-") return [];
    if (line.status !== undefined) return [{ kind: "reply", n, status: line.status, headers, body }];
    const raw = line.raw ?? line.sse;
    if (typeof raw === "string") return [{ kind: "block", n, raw }];
    return line.end === undefined ? [] : [{ kind: "end", n, by: enderOf(line.end) }];
}

function enderOf(end: string | boolean): EndStep["by"] {
    const [who] = String(end).split(" ");
    return who === "client" || who === "server" ? who : undefined;
}

/** The exchanges of a recording, in the order in which they were made. */
export function readRecording(file: string): Exchange[] {
    return exchangesOf(readSteps(file));
}

interface Draft {
    readonly request: RequestStep;
    reply?: ReplyStep;
    readonly blocks: string[];
    first: boolean;
}

/** The exchanges that the lines of a recording make up. */
export function exchangesOf(steps: readonly Step[]): Exchange[] {
    const exchanges = new Map<number, Draft>();
    let last: Draft | undefined;
    for (const step of steps) {
        if (step.kind === "request") {
            last = { request: step, blocks: [], first: false };
            exchanges.set(step.n, last);
        }
        if (step.kind === "reply") {
            const exchange = exchanges.get(step.n);
            if (exchange !== undefined) Object.assign(exchange, { reply: step, first: exchange.blocks.length > 0 });
        } else if (step.kind === "block") last?.blocks.push(step.raw);
    }
    return [...exchanges.values()].map(({ request, reply, blocks, first }) => {
        const { kind: _kind, ...rest } = request;
        const { status = 0, headers = {}, body = "" } = reply ?? {};
        const envelope = asEnvelope(request.body);
        return { ...rest, envelope, reply: { status, headers, body }, blocks, blocksFirst: first };
    });
}

function asEnvelope(body: string): Envelope | undefined {
    if (!body.startsWith("{")) return undefined;
    try {
        return JSON.parse(body) as Envelope;
    } catch {
        return undefined;
    }
}
