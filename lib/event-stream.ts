/**
 * The event stream: framing of what goes out, parsing of what comes in (protocol.md, "Stream"; WHATWG HTML, section 9.2).
 *
 * We frame ourselves because the reference client turns each block without an event name or without data into a bogus
 * notification, and because only a closed list of names can keep CR and LF out of them.
 */
import { createParser } from "eventsource-parser";
import { SseScError } from "./errors";

/** Event names on the stream. */
export type EventType = "sse-ping" | "request" | "response" | "notification";

/** First event of every stream: the reference client counts itself connected when it sees it. */
export function encodePing(id: string): string {
    return `id: ${id}\nevent: sse-ping\ndata: \n\n`;
}

/** A comment that keeps proxies and watchdogs content; every reader skips it. */
export const HEARTBEAT = ": \n\n";

/** The comment that tells the old stream of a (client, cid) that a second one took its place. */
export const REPLACED_COMMENT = "replaced";

/** Frames one envelope. JSON.stringify never makes a line break; a converter of somebody else may. */
export function encodeEvent(type: EventType, json: string, id: string): string {
    const data = json.includes("\n") || json.includes("\r") ? json.replace(/\r\n|\r|\n/g, "\ndata: ") : json;
    return `id: ${id}\nevent: ${type}\ndata: ${data}\n\n`;
}

/** Default for the largest event that is accepted, in characters: the reference refuses 10 MiB (protocol.md, "Stream"). */
export const DEFAULT_MAX_EVENT_SIZE = 10 * 1024 * 1024;

/** What an `EventStreamReader` tells of. */
export interface EventStreamHandlers {
    /** An event; `type` is empty if the block had no name, `id` if the stream has shown none so far. */
    onEvent(type: string, data: string, id: string): void;
    /** A comment, without its colon. */
    onComment?(comment: string): void;
}

/** Reads an event stream piece by piece. */
export interface EventStreamReader {
    /**
     * Takes the next piece of text; the pieces may be cut anywhere.
     * @throws SseScError TOO_LARGE when an event is larger than the limit; the reader is of no use afterwards
     */
    feed(text: string): void;
}

/** Makes a reader whose events have at most `maxEventSize` characters. */
export function createEventStreamReader(
    handlers: EventStreamHandlers,
    maxEventSize: number = DEFAULT_MAX_EVENT_SIZE
): EventStreamReader {
    let overflow = false;
    const parser = createParser({
        maxBufferSize: maxEventSize,
        onEvent: (event) => {
            handlers.onEvent(event.event ?? "", event.data, event.id ?? "");
        },
        onComment: (comment) => handlers.onComment?.(comment),
        onError: (error) => {
            overflow ||= error.type === "max-buffer-size-exceeded"; // unknown fields are skipped, as the standard says
        },
    });
    return {
        feed(text) {
            if (!overflow) parser.feed(text);
            if (overflow) throw new SseScError("TOO_LARGE", "An event of the stream is larger than the limit");
        },
    };
}
