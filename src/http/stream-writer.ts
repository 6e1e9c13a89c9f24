/**
 * Writes frames to event streams: all frames of one turn of the event loop in one write per stream, and one shared buffer for
 * all streams that wait for the same frames (measured: http2-and-sse.md, "Coalescing the events of one tick").
 */
import type { Frame, Outbox } from "../../lib/outbox";
import type { HttpResponse } from "./exchange";

/** Handed to Node at once; more only when the socket has drained. */
const MAX_WRITE = 64 * 1024;

function concat(frames: readonly Frame[]): Uint8Array {
    const [only] = frames;
    return frames.length === 1 && only !== undefined ? only.bytes : Buffer.concat(frames.map(({ bytes }) => bytes));
}

/** Joins frames, for streams one after the other that wait for the very same ones: they share one buffer. */
function sharedConcat(): (frames: readonly Frame[]) => Uint8Array {
    let last: readonly Frame[] = [];
    let joined: Uint8Array = Buffer.alloc(0);
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

function sameFrames(a: readonly Frame[], b: readonly Frame[]): boolean {
    return a.length === b.length && a.every((frame, index) => frame === b[index]);
}

/** Writes what waits in an outbox to one event stream, no faster than its reader takes it. */
export class StreamWriter {
    #blocked = false;
    #ticked = false;
    #ended = false;

    /** @param first written ahead of everything else */
    constructor(
        private readonly response: HttpResponse,
        private readonly scheduler: FlushScheduler,
        private readonly outbox: Outbox,
        first: Uint8Array
    ) {
        response.on("drain", () => {
            this.#blocked = false;
            this.flush();
        });
        this.#write(first);
        this.wake(false);
    }

    /**
     * Something waits in the outbox.
     * @param soon true for responses, whose caller waits: they leave at the end of this tick, with all that waits
     */
    wake(soon: boolean): void {
        if (this.#blocked || this.#ended || this.outbox.isEmpty) return;
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
    heartbeat(comment: Uint8Array): void {
        if (!this.#blocked && this.outbox.isEmpty) this.#write(comment);
    }

    /** Writes what waits, as far as the socket takes it. */
    flush(join: (frames: readonly Frame[]) => Uint8Array = concat): void {
        while (!this.outbox.isEmpty && this.#writable) {
            const frames = this.outbox.take(MAX_WRITE);
            if (frames.length > 0) this.#write(join(frames));
        }
    }

    /** Writes all that waits, then ends the stream. */
    end(): void {
        if (this.#ended) return;
        while (!this.outbox.isEmpty && !this.response.writableEnded) {
            for (const { bytes } of this.outbox.take(MAX_WRITE)) this.response.write(bytes);
        }
        this.stop();
        this.response.end("");
    }

    /** Writes nothing more: what waits stays in the outbox. */
    stop(): void {
        this.#ended = true;
        this.scheduler.forget(this);
    }

    /** What is written between `end()` and `close` would be lost: it stays in the outbox. */
    get #writable(): boolean {
        return !this.#blocked && !this.#ended && !this.response.writableEnded;
    }

    #write(bytes: Uint8Array): void {
        if (!this.response.write(bytes)) this.#blocked = true;
    }
}
