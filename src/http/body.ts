/** The body of a request: read here, or taken from a body parser of the host that was ahead of us. */
import { SseScError } from "../../lib/errors";
import { checkDepth, parseJson } from "../../lib/json";
import { header, type HttpRequest } from "./exchange";

/** Media types of forms: what their parsers make of JSON is none any more. */
const FORM = /^\s*(application\/x-www-form-urlencoded|multipart\/)/i;

const COMPRESSED = /gzip|deflate|compress|br|zstd/i;

/**
 * The JSON value of a body, of any media type. It never waits for a stream that somebody else has read.
 * @param maxSize largest number of bytes; where the host's parser made a value of them, the parser's own limit counts
 * @param maxDepth how deep the value may be nested
 * @throws SseScError INVALID_ENVELOPE if it is not JSON or nested deeper; TOO_LARGE; INVALID_REQUEST if there is nothing to be had
 */
export async function readJson(request: HttpRequest, maxSize: number, maxDepth: number): Promise<unknown> {
    // Not `body` but the stream says whether it was read: parsers of Express 4 leave `{}` where they read nothing.
    if (!request.readableEnded) {
        refuseCoding(header(request, "content-encoding"));
        return parseJson(await readBody(request, maxSize), maxDepth);
    }
    const { body } = request;
    if (typeof body === "string") return parsedText(limited(body, maxSize), maxDepth);
    if (body instanceof Uint8Array) return parseJson(new TextDecoder().decode(limited(body, maxSize)), maxDepth);
    if (body === undefined) throw unusable("The body was read ahead of its handler, and nothing is left of it");
    if (typeof body === "object" && FORM.test(header(request, "content-type") ?? "")) {
        throw unusable("The body was read as a form: send it as application/json");
    }
    return checkDepth(body, maxDepth);
}

/**
 * The text of a body, whatever its media type; a parser of the host must have left it as text or bytes.
 * @param maxSize largest number of bytes
 * @throws SseScError TOO_LARGE; INVALID_REQUEST if there is nothing to be had
 */
export async function readText(request: HttpRequest, maxSize: number): Promise<string> {
    if (!request.readableEnded) {
        refuseCoding(header(request, "content-encoding"));
        return readBody(request, maxSize);
    }
    const { body } = request;
    if (typeof body === "string") return limited(body, maxSize);
    if (body instanceof Uint8Array) return new TextDecoder().decode(limited(body, maxSize));
    throw unusable("The body was read ahead of its handler, and its text is gone");
}

/** We decompress nothing: a small body could become a very large one (RFC 9110, section 8.4: 415). */
function refuseCoding(coding: string | undefined): void {
    if (coding === undefined || !COMPRESSED.test(coding)) return;
    throw new SseScError("INVALID_REQUEST", undefined, {
        title: "Compressed bodies are not taken",
        status: 415,
        headers: { "accept-encoding": "identity" },
    });
}

/**
 * A parser of text leaves JSON; one of JSON leaves the text that a JSON string stood for, such as a token. Envelopes begin with a
 * brace, so for them the difference shows.
 */
function parsedText(text: string, maxDepth: number): unknown {
    if (/^\s*[[{]/.test(text)) return parseJson(text, maxDepth);
    try {
        return parseJson(text, maxDepth);
    } catch {
        return text;
    }
}

function limited<T extends string | Uint8Array>(body: T, maxSize: number): T {
    if (Buffer.byteLength(body) > maxSize) throw new SseScError("TOO_LARGE");
    return body;
}

function unusable(title: string): SseScError {
    return new SseScError("INVALID_REQUEST", undefined, { title });
}

/** Reads a body as text. @throws SseScError TOO_LARGE; INVALID_REQUEST if the peer goes away before the end */
function readBody(request: HttpRequest, limit: number): Promise<string> {
    return new Promise((resolve, reject) => {
        const announced = Number(header(request, "content-length") ?? 0);
        if (announced > limit) {
            reject(new SseScError("TOO_LARGE"));
            return;
        }
        const chunks: Buffer[] = [];
        let size = 0;
        let whole = false;
        const gone = (): void => {
            if (whole) return; // `close` follows each body, and an error costs more than all the rest of it
            reject(new SseScError("INVALID_REQUEST", "The request ended before its body did"));
        };
        if (request.destroyed) {
            gone(); // nobody would tell us again
            return;
        }
        request.on("data", (chunk) => {
            const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk; // a host may have set an encoding
            size += bytes.length;
            if (size > limit) {
                chunks.length = 0;
                reject(new SseScError("TOO_LARGE"));
            } else chunks.push(bytes);
        });
        request.on("end", () => {
            whole = true;
            const [first] = chunks;
            const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks);
            resolve(bytes.toString("utf8"));
        });
        request.on("error", gone);
        request.on("aborted", gone);
        request.on("close", gone);
        request.resume(); // a host may have paused it
    });
}
