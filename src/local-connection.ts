/**
 * The connection of a script to a server of its own process: the same messages, without a network. What passes is copied through
 * the JSON of a dialect, so that a script sees nothing of a Thing's own objects, nor the Thing of the script's.
 */
import type { Channel, ChannelReceiver, MessageContext, SendOptions } from "../lib/channel";
import type { Result } from "../lib/converters/converter";
import { rrn } from "../lib/converters/rrn";
import { SseScError, toProblem } from "../lib/errors";
import type { Identity } from "../lib/identity";
import type { Message, RequestMessage, ResponseMessage } from "../lib/messages";
import { Peer, type PeerOptions } from "../lib/peer";
import type { SharedFrames } from "./http/shared-frames";
import type { Caller } from "./subscribers";

/** What the server does with what a script asks. */
export interface LocalHandlers {
    /** Carries out a request. @returns the output of the response */
    readonly onRequest: (caller: Caller, request: RequestMessage, context: MessageContext) => Promise<unknown>;
    /** Who answers a request: a client's id, or nobody's for the server's own Things. */
    readonly answersAs: (request: RequestMessage) => string;
    /** Called once, when the connection has been closed from either side. */
    readonly onClosed: (connection: LocalConnection) => void;
}

/** A connection within the process; it is open at once. */
export class LocalConnection implements Caller {
    /** The script's end. */
    readonly peer: Peer;
    readonly #toScript: LocalChannel;
    readonly #toServer: LocalChannel;

    constructor(
        readonly identity: Identity,
        private readonly handlers: LocalHandlers,
        options: PeerOptions
    ) {
        const close = (error: SseScError): void => {
            this.close(error);
        };
        this.#toServer = new LocalChannel(close, { identity });
        this.#toScript = new LocalChannel(close, {});
        this.#toServer.connect(this.#toScript);
        this.#toScript.connect(this.#toServer);
        new Peer(this.#toScript, {
            onRequest: (request, context) => handlers.onRequest(this, request, context),
            answersAs: handlers.answersAs,
        });
        this.peer = new Peer(this.#toServer, options);
    }

    get closed(): boolean {
        return this.#toServer.closed;
    }

    notify({ message }: SharedFrames): void {
        if (!this.closed) this.#toScript.send(message);
    }

    /** Ends the connection; what waits fails. */
    close(error = new SseScError("ALREADY_CLOSED")): void {
        if (this.closed) return;
        this.#toServer.finish(error);
        this.#toScript.finish(error);
        this.handlers.onClosed(this);
    }
}

/** One direction; its other end receives what is sent. */
class LocalChannel implements Channel {
    #other: LocalChannel | undefined;
    #receiver: ChannelReceiver | undefined;
    #closedBy: SseScError | undefined;

    /** @param context what the other end knows of messages that come from here */
    constructor(
        private readonly onClose: (error: SseScError) => void,
        private readonly context: MessageContext
    ) {}

    get closed(): boolean {
        return this.#closedBy !== undefined;
    }

    connect(other: LocalChannel): void {
        this.#other = other;
    }

    attach(receiver: ChannelReceiver): void {
        this.#receiver = receiver;
    }

    /** @throws SseScError ALREADY_CLOSED; TypeError if a value is not JSON, unless it is a response, which becomes INVALID_OUTPUT */
    send(message: Message, { isWanted, query }: SendOptions = {}): undefined {
        if (this.#closedBy !== undefined) throw this.#closedBy;
        if (isWanted?.() === false) return;
        const copy = copyOf(message);
        const { identity } = this.context;
        const sent = identity === undefined ? copy : { ...copy, senderId: identity.clientId };
        // Not at once: whoever sends must have finished with it, as over a network.
        queueMicrotask(() => {
            this.#other?.receive(sent, query === undefined ? this.context : { ...this.context, query });
        });
    }

    receive(message: Message, context: MessageContext): void {
        if (!this.closed) this.#receiver?.received(message, context);
    }

    close(): void {
        this.onClose(new SseScError("ALREADY_CLOSED"));
    }

    finish(error: SseScError): void {
        this.#closedBy = error;
        this.#receiver?.closed(error);
    }
}

function copyOf(message: Message): Message {
    switch (message.kind) {
        case "request":
            return unwrap(rrn.decodeRequest(JSON.parse(rrn.encode(message))));
        case "notification":
            return unwrap(rrn.decodeNotification(JSON.parse(rrn.encode(message))));
        case "response":
            return unwrap(rrn.decodeResponse(JSON.parse(textOf(message))));
    }
}

/** Somebody waits for a response, also for one that cannot be said. */
function textOf(response: ResponseMessage): string {
    try {
        return rrn.encode(response);
    } catch {
        const error = toProblem(new SseScError("INVALID_OUTPUT"));
        return rrn.encode({ ...response, status: "failed", output: undefined, error });
    }
}

function unwrap<T>(result: Result<T>): T {
    if (!result.ok) throw result.error;
    return result.value;
}
