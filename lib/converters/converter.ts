/**
 * The interface between the neutral message model and the JSON of one dialect. Implement it to speak a dialect of your own.
 */
import type { SseScError } from "../errors";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "../messages";

/** A value, or the error that says which member is wrong. Converters never throw. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SseScError };

/** What a dialect's peers expect of HTTP beside the envelopes (protocol.md, "Endpoints"). */
export interface DialectConventions {
    /** Status with which a server takes a response or a notification. Default: 204. */
    readonly acceptedStatus?: 200 | 204;
    /** Member of the log-in's body that holds the user name. Default: `username`. */
    readonly loginMember?: "username" | "login";
}

/**
 * Turns messages into the envelopes of one dialect and back.
 *
 * A converter is pure and total: it never throws, keeps no state, and copies only the members that it names, so that nothing a
 * peer invents (such as `__proto__`) gets into the model. Depth limits have been checked by the caller.
 */
export interface MessageConverter {
    /** Short name of the dialect, such as `rrn`, for logs and lists of connections. */
    readonly name: string;
    /** Conventions of HTTP that differ from those of `rrn`. */
    readonly conventions?: DialectConventions;
    /**
     * True if an envelope shows that it is of this dialect: that is how responses and notifications are read that belong to no stream.
     * Without it none is.
     */
    recognizes?(json: unknown): boolean;
    /** The JSON text of a message. A notification to many is encoded once for all streams of the dialect. */
    encode(message: Message): string;
    /** Reads what JSON.parse made of a request envelope; error `INVALID_ENVELOPE`. Fills in missing ids and times. */
    decodeRequest(json: unknown): Result<RequestMessage>;
    /** Reads a response envelope; error `INVALID_ENVELOPE`. */
    decodeResponse(json: unknown): Result<ResponseMessage>;
    /** Reads a notification envelope; error `INVALID_ENVELOPE`. */
    decodeNotification(json: unknown): Result<NotificationMessage>;
}
