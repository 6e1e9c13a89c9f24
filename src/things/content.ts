/**
 * Values on the wire ↔ node-wot `Content`.
 *
 * SSE-SC envelopes are JSON, so content of other media types travels as a string: text as it is, everything else as base64
 * (design.md, "Things side").
 */
import { Readable } from "node:stream";
import type { Content } from "@node-wot/core";
import { SseScError } from "../../lib/errors";

/** The media type that a form without `contentType` has (TD 1.1, section 5.4). */
export const DEFAULT_CONTENT_TYPE = "application/json";

type ContentKind = "json" | "text" | "binary";

const TEXT_TYPES: ReadonlySet<string> = new Set([
    "application/xml",
    "application/javascript",
    "application/yaml",
    "application/x-www-form-urlencoded",
    "image/svg+xml",
]);

/** How content of a media type travels in an envelope. */
function contentKind(contentType: string): ContentKind {
    const [mediaType = ""] = contentType.split(";", 1);
    const type = mediaType.trim().toLowerCase();
    if (type === "application/json" || type.endsWith("+json")) return "json";
    if (type.startsWith("text/") || type.endsWith("+xml") || TEXT_TYPES.has(type)) return "text";
    return "binary";
}

/** True for JSON, whose values travel as they are. */
export function isJsonContent(contentType: string): boolean {
    return contentKind(contentType) === "json";
}

/**
 * Content over bytes that are at hand: core asks most of it by `toBuffer`, and a stream is made only for who wants one.
 * That saves a stream per message; core takes it because a Content is duck-typed (node-wot.md, "Small things").
 */
class BytesContent implements Content {
    #body: Readable | undefined;

    constructor(
        public type: string,
        private readonly bytes: Buffer
    ) {}

    get body(): Readable {
        return (this.#body ??= Readable.from([this.bytes], { objectMode: false }));
    }

    toBuffer(): Promise<Buffer> {
        return Promise.resolve(this.bytes);
    }
}

/**
 * Makes Content of a value from the wire; an absent value becomes empty content.
 * @throws SseScError INVALID_INPUT if the media type is not JSON and the value is no string, or no base64
 */
export function valueToContent(value: unknown, contentType: string = DEFAULT_CONTENT_TYPE): Content {
    return new BytesContent(contentType, valueToBytes(value, contentType));
}

function valueToBytes(value: unknown, contentType: string): Buffer {
    if (value === undefined) return Buffer.alloc(0);
    const kind = contentKind(contentType);
    if (kind === "json") return Buffer.from(JSON.stringify(value));
    if (typeof value !== "string") {
        throw new SseScError("INVALID_INPUT", `A value of type ${contentType} is not a string`);
    }
    if (kind === "text") return Buffer.from(value);
    const bytes = Buffer.from(value, "base64");
    if (bytes.length < Math.floor((value.replace(/[\s=]+/g, "").length * 3) / 4)) {
        throw new SseScError("INVALID_INPUT", `A value of type ${contentType} is not base64`);
    }
    return bytes;
}

/**
 * Reads Content to the end and makes the value that travels; empty JSON content is `undefined`.
 * @param fallbackType media type of content that names none
 * @throws SseScError INVALID_OUTPUT if JSON content is not JSON
 */
export async function contentToValue(content: Content, fallbackType: string = DEFAULT_CONTENT_TYPE): Promise<unknown> {
    const bytes = await content.toBuffer();
    const kind = contentKind(content.type || fallbackType);
    if (kind === "binary") return bytes.toString("base64");
    const text = bytes.toString("utf8");
    if (kind === "text") return text;
    if (text === "") return undefined;
    try {
        return JSON.parse(text) as unknown;
    } catch (cause) {
        throw new SseScError("INVALID_OUTPUT", "Content of a JSON media type is not JSON", { cause });
    }
}
