/**
 * Recordings as scripts: cuts a `*.jsonl` of test/fixtures/hivekit-2026-08 into exchanges, each a request together with the
 * literal bytes that the reference answered it with. The format is explained in the README beside the recordings.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Envelope, ReplyHeaders } from "./event-stream";

/** One recorded request, the reply to it, and the blocks that it caused on the stream. */
export interface Exchange {
    readonly n: number;
    readonly method: string;
    readonly path: string;
    readonly headers: ReplyHeaders;
    /** Body of the request. */
    readonly body: string;
    /** The body, where it is an envelope. */
    readonly envelope: Envelope | undefined;
    readonly reply: { readonly status: number; readonly headers: ReplyHeaders; readonly body: string };
    /** What came on the stream after this request and before the next one: literal bytes. */
    readonly blocks: readonly string[];
    readonly note: string | undefined;
}

interface Line {
    readonly dir: "c>s" | "s>c" | "-";
    readonly n: number;
    readonly method?: string;
    readonly path?: string;
    readonly headers?: ReplyHeaders;
    readonly body?: string;
    readonly status?: number;
    readonly raw?: string;
    readonly note?: string;
}

const FOLDER = join(__dirname, "../../fixtures/hivekit-2026-08");

/** The text of a file beside the recordings. */
export function fixture(name: string): string {
    return readFileSync(join(FOLDER, name), "utf8");
}

/** The exchanges of a recording, in the order in which they were made. */
export function readRecording(name: string): Exchange[] {
    const lines = fixture(name)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Line);
    const replies = new Map(lines.flatMap((line) => (line.status === undefined ? [] : [[line.n, line] as const])));
    const blocks = new Map<number, string[]>();
    let last = 0;
    for (const line of lines) {
        if (line.dir === "c>s") {
            last = line.n;
            blocks.set(last, []);
        } else if (line.raw !== undefined) blocks.get(last)?.push(line.raw);
    }
    return lines
        .filter(({ dir }) => dir === "c>s")
        .map((line) => {
            const reply = replies.get(line.n);
            return {
                n: line.n,
                method: line.method ?? "",
                path: line.path ?? "",
                headers: line.headers ?? {},
                body: line.body ?? "",
                envelope: asEnvelope(line.body),
                reply: { status: reply?.status ?? 0, headers: reply?.headers ?? {}, body: reply?.body ?? "" },
                blocks: blocks.get(line.n) ?? [],
                note: line.note,
            };
        });
}

function asEnvelope(body: string | undefined): Envelope | undefined {
    if (body?.startsWith("{") !== true) return undefined;
    try {
        return JSON.parse(body) as Envelope;
    } catch {
        return undefined;
    }
}
