/** The channel of a client that dialled us: out on its event stream, in by its POSTs. */
import type { Channel, ChannelReceiver, MessageContext } from "../../lib/channel";
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toProblem } from "../../lib/errors";
import { encodeEvent, HEARTBEAT, PING_EVENT, REPLACED_COMMENT } from "../../lib/event-stream";
import type { Message } from "../../lib/messages";
import type { HttpResponse } from "./exchange";
import { StreamWriter, type FlushScheduler } from "./stream-writer";

const HEARTBEAT_BYTES = Buffer.from(HEARTBEAT);
/** Milliseconds that a reader has to take the last frames of a stream that we end. */
const CLOSE_GRACE = 2_000;
const PING_BYTES = Buffer.from(PING_EVENT);

/** Frames of one message by dialect: a message to many streams is encoded once per dialect. */
export class SharedFrames {
    readonly #frames = new Map<MessageConverter, Buffer>();

    constructor(readonly message: Message) {}

    frame(converter: MessageConverter): Buffer {
        let frame = this.#frames.get(converter);
        if (frame === undefined) this.#frames.set(converter, (frame = encodeFrame(this.message, converter)));
        return frame;
    }
}

function encodeFrame(message: Message, converter: MessageConverter): Buffer {
    return Buffer.from(encodeEvent(message.kind, converter.encode(message)));
}

export interface AcceptedChannelOptions {
    readonly converter: MessageConverter;
    readonly scheduler: FlushScheduler;
    /** Bytes that may wait for a slow reader. */
    readonly maxStreamBacklog: number;
    /** Bytes that one frame may have. */
    readonly maxFrameSize: number;
}

/** The channel of a client that dialled us. It does not come back: a stream that closes closes the channel. */
export class AcceptedChannel implements Channel {
    #receiver: ChannelReceiver | undefined;
    #closed = false;
    readonly #writer: StreamWriter;

    constructor(
        private readonly response: HttpResponse,
        private readonly options: AcceptedChannelOptions,
        private readonly onClosed: () => void
    ) {
        this.#writer = new StreamWriter(response, options.scheduler, options.maxStreamBacklog, (error) => {
            this.destroy(error);
        });
        response.on("close", () => {
            this.#finish(new SseScError("CONNECTION_LOST"));
        });
    }

    /** The dialect of the stream. */
    get converter(): MessageConverter {
        return this.options.converter;
    }

    /** Bytes that the client has not taken yet, as far as we queue them. */
    get backlog(): number {
        return this.#writer.backlog;
    }

    get closed(): boolean {
        return this.#closed;
    }

    attach(receiver: ChannelReceiver): void {
        this.#receiver = receiver;
    }

    /** Sends the first event, which tells the client that it is connected. */
    open(): void {
        this.#writer.enqueue(PING_BYTES, true);
    }

    /** Queues a message; a response leaves at the end of this tick, anything else at the end of this turn. */
    send(message: Message): undefined {
        if (this.#closed) throw new SseScError("ALREADY_CLOSED");
        let frame = encodeFrame(message, this.options.converter);
        if (frame.length > this.options.maxFrameSize && message.kind === "response") {
            const error = toProblem(new SseScError("RESPONSE_TOO_LARGE"));
            frame = encodeFrame({ ...message, status: "failed", output: undefined, error }, this.options.converter);
        }
        this.#writer.enqueue(frame, message.kind !== "notification");
    }

    /** Queues a message that goes to other streams too; one that is larger than a frame may be is left out. */
    sendShared(frames: SharedFrames): void {
        if (this.#closed) return;
        const frame = frames.frame(this.options.converter);
        if (frame.length <= this.options.maxFrameSize) this.#writer.enqueue(frame, false);
    }

    /** Hands on a message that a POST of this client brought. */
    receive(message: Message, context: MessageContext): void {
        this.#receiver?.received(message, context);
    }

    /** A comment that shows the client, and proxies in between, that we are alive. */
    heartbeat(): void {
        this.#writer.heartbeat(HEARTBEAT_BYTES);
    }

    /** Ends the stream after what waits has been written. */
    close(): void {
        if (this.#closed) return;
        this.#writer.end();
        this.#cutAfter(CLOSE_GRACE);
        this.#finish(new SseScError("ALREADY_CLOSED"));
    }

    /** Tells the client that another stream has taken its place, and cuts this one. */
    replace(): void {
        if (this.#closed) return;
        // Cut when the comment has left; a reader that stalls does not get it.
        this.response.write(`: ${REPLACED_COMMENT}\n\n`, () => {
            this.#cut();
        });
        this.#cutAfter(CLOSE_GRACE);
        this.#finish(new SseScError("ALREADY_CLOSED", "Another stream with the same cid took its place"));
    }

    /** Cuts the stream; what waits is lost. */
    destroy(error: SseScError): void {
        if (this.#closed) return;
        this.#cut();
        this.#finish(error);
    }

    /** An `end()` on a stalled h2 stream never closes by itself (design.md, "Delivery"). */
    #cutAfter(delay: number): void {
        const timer = setTimeout(() => {
            this.#cut();
        }, delay);
        timer.unref();
        this.response.on("close", () => {
            clearTimeout(timer);
        });
    }

    #cut(): void {
        if (this.response.stream === undefined) this.response.destroy();
        else this.response.stream.destroy();
    }

    #finish(error: SseScError): void {
        if (this.#closed) return;
        this.#closed = true;
        this.#writer.discard();
        this.#receiver?.closed(error);
        this.onClosed();
    }
}
