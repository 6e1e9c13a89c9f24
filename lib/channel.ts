/** A duplex path to one peer, whoever dialled. Nothing above it knows whether messages leave on a stream or in POSTs. */
import type { SseScError } from "./errors";
import type { Identity } from "./identity";
import type { Message } from "./messages";

/** What a channel knows of a message beside the message itself. */
export interface MessageContext {
    /** Who sent it, as authenticated for this very message; absent where the other side is the server that was dialled. */
    readonly identity?: Identity;
    /** uriVariables that came with it, as the text of the query (without `?`). */
    readonly query?: string;
}

/** What a channel tells the peer on top of it. None of these may throw. */
export interface ChannelReceiver {
    /** The path is usable again: the other side remembers nothing of the earlier one. */
    reopened(): void;
    /** The path is usable again, and nothing was lost: what waits goes on waiting, what was missed follows. */
    resumed(): void;
    /** A message came. */
    received(message: Message, context: MessageContext): void;
    /**
     * The path broke. The channel tries to open it again: `reopened`, `resumed` or `closed` follows.
     * @param mayResume true if the other side may remember everything; by default it does not
     */
    dropped(error: SseScError, mayResume?: boolean): void;
    /** The path is gone for good. */
    closed(error: SseScError): void;
}

/** What goes with one message. */
export interface SendOptions {
    /** Ends the waiting for the path to open: the message is not sent then. */
    readonly signal?: AbortSignal | undefined;
    /** Asked when the path is open, just before the message leaves: false drops it. */
    readonly isWanted?: (() => boolean) | undefined;
    /** Called when an attempt proves that the other side did not get the message; it is sent again. */
    readonly onNotTaken?: (() => void) | undefined;
    /** uriVariables of a request, as the text of a query (without `?`); a channel that has no place for it drops it. */
    readonly query?: string | undefined;
}

/** One duplex path to one peer. */
export interface Channel {
    /** Names the receiver of what comes in; call it once, before anything else. */
    attach(receiver: ChannelReceiver): void;
    /**
     * Sends a message, waiting for the path to open where it has to.
     * @returns nothing where sending cannot fail later, else a promise that rejects with a SseScError if the message was not
     * taken (`NO_SESSION`, `UNAUTHORIZED`, …) or if nobody knows (`CONNECTION_LOST`, `OUTCOME_UNKNOWN`)
     */
    send(message: Message, options?: SendOptions): Promise<void> | undefined;
    /** Ends the path for good. Calling it again does nothing. */
    close(): void;
}
