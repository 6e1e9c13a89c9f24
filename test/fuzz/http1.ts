/** HTTP/1.1 as bytes on a socket, well framed or not. */
import { connect } from "node:net";
import fc from "fast-check";
import { httpCases, TOKEN, type HttpCase } from "./http-cases";

export interface RawCase {
    readonly text: string;
    /** The framing is right: whoever gets it has no reason to wait for more. */
    readonly whole: boolean;
}

const FRAMINGS = ["length", "chunked", "none", "short", "long", "bad chunks", "both", "expect"] as const;
const framings = fc.oneof({ weight: 5, arbitrary: fc.constant("length" as const) }, fc.constantFrom(...FRAMINGS));

function requestOf(
    { method, path, headers, body }: HttpCase,
    framing: (typeof FRAMINGS)[number],
    host: string
): string {
    const bytes = Buffer.byteLength(body);
    const chunks = `${bytes.toString(16)};x=y\r\n${body}\r\n0\r\nx-trailer: y\r\n\r\n`;
    const frames: Record<(typeof FRAMINGS)[number], readonly [string, string]> = {
        length: [`content-length: ${bytes}\r\n`, body],
        chunked: ["transfer-encoding: chunked\r\n", bytes === 0 ? "0\r\n\r\n" : chunks],
        none: ["", ""],
        short: [`content-length: ${bytes >> 1}\r\n`, body],
        long: [`content-length: ${bytes + 7}\r\n`, body],
        "bad chunks": ["transfer-encoding: chunked\r\n", `${(bytes + 3).toString(16)}\r\n${body}\r\nxyz\r\n0\r\n`],
        both: [`content-length: ${bytes}\r\ntransfer-encoding: chunked\r\n`, body],
        expect: [`expect: 100-continue\r\ncontent-length: ${bytes}\r\n`, body],
    };
    const [extra, content] = frames[framing];
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${lines}${extra}\r\n${content}`;
}

const LAST = "GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const WHOLE: ReadonlySet<string> = new Set(["length", "chunked", "none", "expect"]);

/** Hosts that are none, or not ours; written as UTF-8, read as Latin-1. */
const hosts = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom("localhost", "127.0.0.1:1") },
    fc.constantFrom(
        "",
        "x",
        "[::1",
        "[::1]",
        "a b",
        "%",
        "a%zz",
        "x:99999",
        "x/y",
        "a@b",
        "a?b",
        "..",
        "1.2.3.4.5",
        "a,b"
    ),
    fc.string({ maxLength: 4, unit: "grapheme" }).map((text) => text.replace(/[\r\n\0]/g, ""))
);

/** Where something else stands, how much it replaces, and what it is. */
const garbage = fc.tuple(fc.nat(400), fc.nat(10), fc.string({ maxLength: 20, unit: "binary" }));

/** One to three requests in a row on one connection; some of the texts have a stretch of something else in them. */
export const rawCases: fc.Arbitrary<RawCase> = fc
    .record({
        requests: fc.array(fc.tuple(httpCases, framings, hosts), { minLength: 1, maxLength: 3 }),
        garbage: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, garbage),
    })
    .map(({ requests, garbage }) => {
        const text = requests.map(([each, framing, host]) => requestOf(each, framing, host)).join("");
        const whole = garbage === undefined && requests.every(([, framing]) => WHOLE.has(framing));
        if (garbage === undefined) return { text: text + LAST, whole };
        const [at, length, other] = garbage;
        return { text: text.slice(0, at) + other + text.slice(at + length), whole };
    });

/** Milliseconds within which whatever was sent is answered, or its connection closed. */
const BOUND = 5_000;

export interface RawReply {
    readonly status: number;
    readonly body: string;
}

/**
 * Sends a text and reads what comes until the connection ends. What is not whole ends with the text, so that it cannot wait for more;
 * an event stream is left as soon as it begins.
 * @throws Error where nothing ends the connection in time
 */
export function exchange(port: number, { text, whole }: RawCase, token: string): Promise<RawReply[]> {
    return new Promise((resolve, reject) => {
        const socket = connect({ port, host: "127.0.0.1" });
        let received = "";
        const timer = setTimeout(() => {
            reject(new Error(`Neither answered nor closed in ${BOUND} ms; so far: ${received.slice(0, 500)}`));
            socket.destroy();
        }, BOUND);
        socket.setEncoding("utf8");
        socket.on("data", (chunk: string) => {
            received += chunk;
            if (/^content-type: text\/event-stream/im.test(received)) socket.destroy();
        });
        socket.on("error", () => undefined); // reset by a server that has read enough
        socket.on("close", () => {
            clearTimeout(timer);
            resolve(repliesIn(received));
        });
        const sent = text.replaceAll(TOKEN, token);
        if (whole) socket.write(sent);
        else socket.end(sent);
    });
}

/** No body of ours has a line that looks like the first of a reply. */
function repliesIn(received: string): RawReply[] {
    return received
        .split(/(?=HTTP\/1\.1 \d{3} )/)
        .filter((each) => each !== "")
        .map((each) => {
            const end = each.indexOf("\r\n\r\n");
            return { status: Number(each.slice(9, 12)), body: end === -1 ? "" : each.slice(end + 4) };
        });
}
