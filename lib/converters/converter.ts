/**
 * The interface between the neutral message model and the JSON of one dialect. Implement it to speak a dialect of your own; there is a
 * worked example in PROTOCOL.md, "A dialect of your own".
 */
import type { SseScError } from "../errors";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "../messages";

/** A value, or the error that says which member is wrong; the peer sees the error's `title`. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SseScError };

/** What a dialect's peers expect of HTTP beside the envelopes (protocol.md, "Endpoints"). */
export interface DialectConventions {
    /** Status with which a server takes a response or a notification. Default: 204. */
    readonly acceptedStatus?: 200 | 204;
    /** Member of the log-in's body that holds the user name. Default: `username`. */
    readonly loginMember?: "username" | "login";
    /**
     * How an event stream over a limit is refused: by 503, or by closing the connection without a status, where clients never come again
     * after any status but 200. Default: `status`.
     */
    readonly refusal?: "status" | "close";
}

/**
 * Turns messages into the envelopes of one dialect and back.
 *
 * A converter is pure and synchronous, keeps no state, and decodes totally: any JSON is a message or an error. It copies only the members
 * that it names, so that nothing a peer invents (such as `__proto__`) gets into the model. Its caller has checked the depth of what it
 * decodes. One that throws all the same harms nobody but its own dialect.
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
    /**
     * The JSON text of a message. A notification to many is encoded once for all streams of the dialect. Messages may stand inside
     * outputs and values, where `ResponseMessage` and `NotificationMessage` say so; `isMessage` tells them from data.
     * @throws TypeError where a value is not JSON: a response then becomes `INVALID_OUTPUT`, a notification is left out
     */
    encode(message: Message): string;
    /** Reads what JSON.parse made of a request envelope; error `INVALID_ENVELOPE`. Fills in missing ids and times, the correlation id excepted. */
    decodeRequest(json: unknown): Result<RequestMessage>;
    /** Reads a response envelope; error `INVALID_ENVELOPE`. Without its correlation id nobody would get it. */
    decodeResponse(json: unknown): Result<ResponseMessage>;
    /** Reads a notification envelope; error `INVALID_ENVELOPE`. Progress has the correlation id of its invocation, or else an empty one. */
    decodeNotification(json: unknown): Result<NotificationMessage>;
}
