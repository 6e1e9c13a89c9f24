/**
 * The interface between the neutral message model and the JSON of one dialect. Implement it to speak a dialect of your own.
 */
import type { SseScError } from "../errors";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "../messages";

/** A value, or the error that says which member is wrong. Converters never throw. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: SseScError };

/**
 * Turns messages into the envelopes of one dialect and back.
 *
 * A converter is pure and total: it never throws, keeps no state, and copies only the members that it names, so that nothing a
 * peer invents (such as `__proto__`) gets into the model. Depth limits have been checked by the caller.
 */
export interface MessageConverter {
    /** Short name of the dialect, such as `rrn`. One notification is encoded once per name. */
    readonly name: string;
    /** The JSON text of a message, on one line. */
    encode(message: Message): string;
    /** Reads what JSON.parse made of a request envelope; error `INVALID_ENVELOPE`. Fills in missing ids and times. */
    decodeRequest(json: unknown): Result<RequestMessage>;
    /** Reads a response envelope; error `INVALID_ENVELOPE`. */
    decodeResponse(json: unknown): Result<ResponseMessage>;
    /** Reads a notification envelope; error `INVALID_ENVELOPE`. */
    decodeNotification(json: unknown): Result<NotificationMessage>;
}
