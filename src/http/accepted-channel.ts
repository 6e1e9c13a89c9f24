/**
 * The channel of a client that dialled us: out on its event streams, in by its POSTs. It outlives a stream for a while: what is sent
 * meanwhile waits in its outbox for the stream that resumes it (design.md, "Delivery").
 */
import type { Channel, ChannelReceiver, MessageContext } from "../../lib/channel";
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toProblem } from "../../lib/errors";
import { HEARTBEAT, REPLACED_COMMENT } from "../../lib/event-stream";
import type { Message, ResponseMessage } from "../../lib/messages";
import { Outbox, type Frame, type FrameBudget, type OutboxBounds } from "../../lib/outbox";
import type { HttpResponse } from "./exchange";
import type { FrameNumbers, SharedFrames } from "./shared-frames";
import { cutStream } from "./stream-cut";
import { StreamWriter, type FlushScheduler } from "./stream-writer";

const HEARTBEAT_BYTES = Buffer.from(HEARTBEAT);
/** Milliseconds that a reader has to take the last frames of a stream that we end. */
const CLOSE_GRACE = 2_000;

export interface AcceptedChannelOptions extends OutboxBounds {
    readonly converter: MessageConverter;
    readonly scheduler: FlushScheduler;
    readonly numbers: FrameNumbers;
    readonly budget: FrameBudget;
    /** Bytes that one frame may have. */
    readonly maxFrameSize: number;
    /** Hears of messages that the dialect cannot say. */
    readonly onError: (what: string, error: unknown) => void;
}

/** What a channel tells its session. */
export interface AcceptedChannelHandlers {
    /** Its stream is gone; it is without one now. */
    readonly onStreamLost: () => void;
    /** A response was put into the outbox. */
    readonly onResponse: (correlationId: string, frame: Frame) => void;
    /** It is closed for good. */
    readonly onClosed: () => void;
}

/** One stream of a channel. */
interface AttachedStream {
    readonly response: HttpResponse;
    readonly writer: StreamWriter;
}

/** The channel of a client that dialled us. */
export class AcceptedChannel implements Channel {
    #receiver: ChannelReceiver | undefined;
    #stream: AttachedStream | undefined;
    #closed = false;
    readonly #outbox: Outbox;

    constructor(
        private readonly options: AcceptedChannelOptions,
        private readonly handlers: AcceptedChannelHandlers
    ) {
        this.#outbox = new Outbox(options, options.budget, options.numbers.current);
    }

    /** The dialect of the streams. */
    get converter(): MessageConverter {
        return this.options.converter;
    }

    /** Bytes that the client has not taken yet, as far as we queue them. */
    get backlog(): number {
        return this.#outbox.backlog;
    }

    get closed(): boolean {
        return this.#closed;
    }

    /** True while there is a stream. */
    get streaming(): boolean {
        return this.#stream !== undefined;
    }

    attach(receiver: ChannelReceiver): void {
        this.#receiver = receiver;
    }

    /** True if a client that has all frames up to this one can get all the others. */
    reachesBack(sequence: number): boolean {
        return this.#outbox.reachesBack(sequence);
    }

    /**
     * Goes on with a stream whose headers are out; one that is there yet is told, and cut. The first event tells the client that it is
     * connected.
     * @param after sequence of the last frame that the client has: those behind it are sent again; none if absent
     */
    stream(response: HttpResponse, after?: number): void {
        const old = this.#stream;
        this.#stream = undefined;
        if (old !== undefined) this.#replace(old);
        const { scheduler, numbers } = this.options;
        const position = after ?? this.#outbox.lastSequence;
        this.#outbox.resumeAfter(position);
        const writer = new StreamWriter(response, scheduler, this.#outbox, numbers.ping(position));
        const stream = { response, writer };
        this.#stream = stream;
        response.on("close", () => {
            this.#lost(stream);
        });
    }

    /** Queues a message; a response leaves at the end of this tick, anything else at the end of this turn. */
    send(message: Message): undefined {
        this.put(message);
    }

    /** Queues a message. @returns the frame, for `retract` */
    put(message: Message): Frame {
        if (this.#closed) throw new SseScError("ALREADY_CLOSED");
        const frame = this.#frameOf(message);
        if (message.kind === "response") this.handlers.onResponse(message.correlationId, frame);
        this.#add(frame, message.kind !== "notification");
        return frame;
    }

    /** Takes a message back. @returns true if it had not left; else the client may have it */
    retract(frame: Frame): boolean {
        return this.#outbox.retract(frame);
    }

    /** Sends a response once more, if the client cannot get the first copy any more. */
    repeat(frame: Frame): void {
        if (!this.#closed && !this.#outbox.holds(frame)) this.#add(this.options.numbers.renumber(frame), true);
    }

    /** Queues a message that goes to other streams too; one that is larger than a frame may be is left out. */
    sendShared(frames: SharedFrames): void {
        if (this.#closed) return;
        const { converter, numbers, maxFrameSize } = this.options;
        const frame = frames.frame(converter, numbers, this.#outbox.lastSequence);
        if (frame !== undefined && frame.bytes.length <= maxFrameSize) this.#add(frame, false);
    }

    /** Hands on a message that a POST of this client brought. */
    receive(message: Message, context: MessageContext): void {
        this.#receiver?.received(message, context);
    }

    /** A comment that shows the client, and proxies in between, that we are alive. */
    heartbeat(): void {
        this.#stream?.writer.heartbeat(HEARTBEAT_BYTES);
    }

    /** Gives back the memory of what has left: a client that has missed it has a gap. */
    forgetSent(): void {
        this.#outbox.clearKept();
    }

    /** Ends the stream after what waits has been written; the client may resume. */
    endStream(): void {
        const stream = this.#stream;
        if (stream === undefined) return;
        this.#end(stream);
        this.#lost(stream);
    }

    /** Ends everything after what waits has been written. */
    close(): void {
        const stream = this.#stream;
        this.#stream = undefined;
        if (stream !== undefined) this.#end(stream);
        this.#finish(new SseScError("ALREADY_CLOSED"));
    }

    /** Cuts the stream; what waits is lost, and the client learns of a gap. */
    drop(): void {
        const stream = this.#stream;
        this.#outbox.clear();
        if (stream === undefined) return;
        cutStream(stream.response);
        this.#lost(stream);
    }

    /** Another session takes the place of this one: tells a stream that is there, and closes. */
    replace(): void {
        const stream = this.#stream;
        this.#stream = undefined;
        if (stream !== undefined) this.#replace(stream);
        this.#finish(new SseScError("ALREADY_CLOSED", "Another stream with the same cid took its place"));
    }

    #add(frame: Frame, soon: boolean): void {
        if (this.#outbox.add(frame)) {
            this.#stream?.writer.wake(soon);
            return;
        }
        this.drop(); // the reader is too slow
        if (!this.#closed) this.#outbox.add(frame);
    }

    /** A response that cannot be sent as it is becomes an error: somebody waits for it. */
    #frameOf(message: Message): Frame {
        const { converter, numbers, maxFrameSize, onError } = this.options;
        let error: SseScError;
        try {
            const frame = numbers.encode(message, converter);
            if (frame.bytes.length <= maxFrameSize || message.kind !== "response") return frame;
            error = new SseScError("RESPONSE_TOO_LARGE");
        } catch (cause) {
            onError(`a ${message.kind} in the dialect ${converter.name}`, cause);
            if (message.kind !== "response") {
                throw new SseScError("INVALID_INPUT", "The message cannot be encoded", { cause });
            }
            error = new SseScError("INVALID_OUTPUT");
        }
        const failed: ResponseMessage = { ...message, status: "failed", output: undefined, error: toProblem(error) };
        return numbers.encode(failed, converter);
    }

    #end({ response, writer }: AttachedStream): void {
        writer.end();
        cutAfterGrace(response);
    }

    /** The comment goes ahead of the cut; a reader that stalls does not get it. */
    #replace({ response, writer }: AttachedStream): void {
        writer.stop();
        response.write(`: ${REPLACED_COMMENT}\n\n`, () => {
            cutStream(response);
        });
        cutAfterGrace(response);
    }

    #lost(stream: AttachedStream): void {
        if (this.#stream !== stream) return;
        this.#stream = undefined;
        stream.writer.stop();
        this.#outbox.suspend();
        this.handlers.onStreamLost();
    }

    #finish(error: SseScError): void {
        if (this.#closed) return;
        this.#closed = true;
        this.#outbox.clear();
        this.#receiver?.closed(error);
        this.handlers.onClosed();
    }
}

/** An `end()` on a stalled h2 stream never closes by itself (design.md, "Delivery"). */
function cutAfterGrace(response: HttpResponse): void {
    const timer = setTimeout(() => {
        cutStream(response);
    }, CLOSE_GRACE);
    timer.unref();
    response.on("close", () => {
        clearTimeout(timer);
    });
}
