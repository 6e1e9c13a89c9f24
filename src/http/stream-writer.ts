/**
 * Writes frames to event streams: all frames of one turn of the event loop in one write per stream, and one shared buffer for
 * all streams that wait for the same frames (measured: http2-and-sse.md, "Coalescing the events of one tick").
 */
import { SseScError } from "../../lib/errors";
import type { HttpResponse } from "./exchange";

/** Handed to Node at once; more only when the socket has drained. */
const MAX_WRITE = 64 * 1024;

function concat(frames: readonly Buffer[]): Buffer {
    const [only] = frames;
    return frames.length === 1 && only !== undefined ? only : Buffer.concat(frames);
}

/** Joins frames, for streams one after the other that wait for the very same ones: they share one buffer. */
function sharedConcat(): (frames: readonly Buffer[]) => Buffer {
    let last: readonly Buffer[] = [];
    let joined: Buffer = Buffer.alloc(0);
    return (frames) => {
        if (!sameFrames(frames, last)) {
            last = frames;
            joined = concat(frames);
        }
        return joined;
    };
}

/** Flushes the writers that have something to send, once per turn of the event loop. */
export class FlushScheduler {
    readonly #dirty = new Set<StreamWriter>();
    #scheduled = false;

    /** Flushes this writer, and all others that wait by then, at the end of the turn. */
    later(writer: StreamWriter): void {
        this.#dirty.add(writer);
        if (this.#scheduled) return;
        this.#scheduled = true;
        setImmediate(() => {
            this.#scheduled = false;
            const join = sharedConcat();
            for (const dirty of this.#dirty) dirty.flush(join);
            this.#dirty.clear();
        });
    }

    forget(writer: StreamWriter): void {
        this.#dirty.delete(writer);
    }
}

function sameFrames(a: readonly Buffer[], b: readonly Buffer[]): boolean {
    return a.length === b.length && a.every((frame, index) => frame === b[index]);
}

/** Writes the frames of one event stream, with a bound for those that the reader has not taken. */
export class StreamWriter {
    #queue: Buffer[] = [];
    #queuedBytes = 0;
    #blocked = false;
    #ticked = false;
    #ended = false;

    /**
     * @param maxBacklog bytes that may wait; a reader that is slower than that loses its stream
     * @param onOverflow called once when more waits than that
     */
    constructor(
        private readonly response: HttpResponse,
        private readonly scheduler: FlushScheduler,
        private readonly maxBacklog: number,
        private readonly onOverflow: (error: SseScError) => void
    ) {
        response.on("drain", () => {
            this.#blocked = false;
            this.flush();
        });
    }

    /** Bytes that wait on our side. */
    get backlog(): number {
        return this.#queuedBytes;
    }

    /**
     * Queues a frame.
     * @param soon true for responses, whose caller waits: they leave at the end of this tick, with all that is queued
     */
    enqueue(frame: Buffer, soon: boolean): void {
        if (this.#ended) return;
        // A frame larger than the bound may go when nothing else waits (design.md, "Delivery").
        if (this.#queuedBytes > 0 && this.#queuedBytes + frame.length > this.maxBacklog) {
            this.#stop();
            this.onOverflow(new SseScError("SLOW_READER"));
            return;
        }
        this.#queue.push(frame);
        this.#queuedBytes += frame.length;
        if (this.#blocked) return;
        if (!soon) this.scheduler.later(this);
        else if (!this.#ticked) {
            this.#ticked = true;
            process.nextTick(() => {
                this.#ticked = false;
                this.flush();
            });
        }
    }

    /** Writes a comment that nobody needs if frames wait already. */
    heartbeat(comment: Buffer): void {
        if (!this.#blocked && this.#queue.length === 0) this.#write(comment);
    }

    /** Writes what waits, as far as the socket takes it. */
    flush(join: (frames: readonly Buffer[]) => Buffer = concat): void {
        while (this.#queue.length > 0 && !this.#blocked && !this.#ended) this.#write(join(this.#take()));
    }

    /** Writes all that waits, then ends the stream. */
    end(): void {
        if (this.#ended) return;
        for (const frame of this.#queue) this.response.write(frame);
        this.#stop();
        this.response.end("");
    }

    /** Drops what waits: the stream is gone. */
    discard(): void {
        this.#stop();
    }

    #take(): Buffer[] {
        let bytes = 0;
        let count = 0;
        for (const frame of this.#queue) {
            if (count > 0 && bytes + frame.length > MAX_WRITE) break;
            bytes += frame.length;
            count++;
        }
        this.#queuedBytes -= bytes;
        if (count < this.#queue.length) return this.#queue.splice(0, count);
        const frames = this.#queue;
        this.#queue = [];
        return frames;
    }

    #write(bytes: Buffer): void {
        if (this.#ended || this.response.writableEnded) return;
        if (!this.response.write(bytes)) this.#blocked = true;
    }

    #stop(): void {
        this.#ended = true;
        this.#queue = [];
        this.#queuedBytes = 0;
        this.scheduler.forget(this);
    }
}
