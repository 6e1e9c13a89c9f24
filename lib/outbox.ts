/**
 * The numbered frames of one session: those that wait for its stream, and the last ones that have left, to be sent again on a stream
 * that resumes it (design.md, "Delivery": "Queue and ring are two things").
 */

/** One block of an event stream, encoded. Sessions that hear the same share it. */
export interface Frame {
    /** Its place among all frames of the server. */
    readonly sequence: number;
    readonly bytes: Uint8Array;
    /** Of the value of a property: a newer frame with the same topic says all that this one says. */
    readonly topic?: string | undefined;
    /** Outboxes that hold it. @internal */
    holders: number;
}

/** The bytes that all outboxes of a server hold together. A frame counts once, however many hold it. */
export class FrameBudget {
    #bytes = 0;

    /** @param onExceeded called whenever a frame takes more than there is; it must not touch any outbox at once */
    constructor(
        private readonly maxBytes: number,
        private readonly onExceeded: () => void
    ) {}

    get bytes(): number {
        return this.#bytes;
    }

    hold(frame: Frame): void {
        if (frame.holders++ > 0) return;
        this.#bytes += frame.bytes.length;
        if (this.#bytes > this.maxBytes) this.onExceeded();
    }

    release(frame: Frame): void {
        if (--frame.holders === 0) this.#bytes -= frame.bytes.length;
    }
}

/** How much one outbox may hold. */
export interface OutboxBounds {
    /** Bytes that may wait while there is a stream. */
    readonly maxStreamBacklog: number;
    /** Frames that are kept after they have left, or while there is no stream. */
    readonly outboxFrames: number;
}

/** Bytes of those frames (design.md, "Delivery": "ring of 1,000 frames or 1 MiB"). */
const KEPT_BYTES = 1024 * 1024;

/** The frames of one session, oldest first: those that have left, then those that wait. */
export class Outbox {
    /** A slot is empty where a frame was taken out. */
    #waiting: (Frame | undefined)[] = [];
    #waitingBytes = 0;
    /** Number of slots that were ever taken from the front of `#waiting`. */
    #taken = 0;
    /** Where the newest value of each property waits; only while much waits. */
    #newest: Map<string, number> | undefined;
    /** What has left: a ring, which begins at `#kept[#first]`; the slots ahead of it are empty. */
    #kept: (Frame | undefined)[] = [];
    #first = 0;
    #keptBytes = 0;
    /** False while there is no stream: then what waits is bounded like what has left. */
    #streaming = false;
    #lastSequence: number;
    #lastEvicted: number;

    /** @param position sequence of the newest frame of the server: nothing before it concerns this session */
    constructor(
        private readonly bounds: OutboxBounds,
        private readonly budget: FrameBudget,
        position: number
    ) {
        this.#lastSequence = position;
        this.#lastEvicted = position;
    }

    /** Bytes that wait. */
    get backlog(): number {
        return this.#waitingBytes;
    }

    get isEmpty(): boolean {
        return this.#waiting.length === 0;
    }

    /** Sequence of the newest frame that was added. */
    get lastSequence(): number {
        return this.#lastSequence;
    }

    /** True if a client that has all frames up to this one can get all the others. */
    reachesBack(sequence: number): boolean {
        return sequence >= this.#lastEvicted && sequence <= this.#lastSequence;
    }

    /** True if this frame waits, or would be sent again. */
    holds({ sequence }: Frame): boolean {
        return sequence > this.#lastEvicted;
    }

    /**
     * Appends a frame, whose sequence must be above that of the one before.
     * @returns false if the reader is too slow for it: then it was not added
     */
    add(frame: Frame): boolean {
        const { length } = frame.bytes;
        const { maxStreamBacklog } = this.bounds;
        if (this.#streaming && this.#waitingBytes * 2 > maxStreamBacklog) this.#conflate(frame);
        // A frame larger than the bound may go when nothing else waits (design.md, "Delivery").
        if (this.#streaming && this.#waitingBytes > 0 && this.#waitingBytes + length > maxStreamBacklog) return false;
        this.budget.hold(frame);
        if (frame.topic !== undefined) this.#newest?.set(frame.topic, this.#taken + this.#waiting.length);
        this.#waiting.push(frame);
        this.#waitingBytes += length;
        this.#lastSequence = frame.sequence;
        if (!this.#streaming) this.#trim();
        return true;
    }

    /**
     * Takes what is to be written next; it counts as sent.
     * @param maxBytes at least one frame is taken, and no more bytes than that
     */
    take(maxBytes: number): Frame[] {
        const frames: Frame[] = [];
        let bytes = 0;
        let slots = 0;
        for (const frame of this.#waiting) {
            if (frame !== undefined) {
                const { length } = frame.bytes;
                if (frames.length > 0 && bytes + length > maxBytes) break;
                bytes += length;
                frames.push(frame);
            }
            slots++;
        }
        this.#drop(slots);
        this.#waitingBytes -= bytes;
        for (const frame of frames) this.#keep(frame);
        this.#trim();
        return frames;
    }

    /**
     * A stream is there that has all frames up to `sequence`: those behind it wait again.
     * @returns false if some of them are gone
     */
    resumeAfter(sequence: number): boolean {
        const complete = this.reachesBack(sequence);
        const again: Frame[] = [];
        for (let index = this.#first; index < this.#kept.length; index++) {
            const frame = this.#kept[index];
            if (frame === undefined) continue;
            if (frame.sequence > sequence) again.push(frame);
            else this.budget.release(frame);
        }
        this.#kept = [];
        this.#first = 0;
        this.#keptBytes = 0;
        this.#lastEvicted = Math.max(this.#lastEvicted, Math.min(sequence, this.#lastSequence));
        // What the client has already, though it left by another stream, is not among what waits: that has never left.
        for (const frame of again) this.#waitingBytes += frame.bytes.length;
        this.#waiting = [...again, ...this.#waiting];
        this.#taken = 0;
        this.#newest = undefined;
        this.#streaming = true;
        return complete;
    }

    /** There is no stream any more: what waits is bounded like what has left. */
    suspend(): void {
        this.#streaming = false;
        this.#newest = undefined;
        this.#waiting = this.#waiting.filter((frame) => frame !== undefined); // empty slots must not count
        this.#trim();
    }

    /**
     * Takes a frame out: it is not sent (again).
     * @returns true if it had not left
     */
    retract(frame: Frame): boolean {
        const waits = this.#waiting.lastIndexOf(frame);
        if (waits >= 0) {
            this.#waiting[waits] = undefined;
            this.#waitingBytes -= frame.bytes.length;
            this.budget.release(frame);
            return true;
        }
        const kept = this.#kept.indexOf(frame, this.#first);
        if (kept >= 0) {
            this.#kept.splice(kept, 1);
            this.#keptBytes -= frame.bytes.length;
            this.budget.release(frame);
        }
        return false;
    }

    /** Forgets everything: whoever comes back has missed it. */
    clear(): void {
        for (const frame of this.#waiting) if (frame !== undefined) this.budget.release(frame);
        this.#waiting = [];
        this.#waitingBytes = 0;
        this.#newest = undefined;
        this.clearKept();
        this.#lastEvicted = this.#lastSequence;
    }

    /** Forgets what has left; what waits stays. */
    clearKept(): void {
        while (this.#first < this.#kept.length) this.#evictKept();
        this.#kept = [];
        this.#first = 0;
    }

    /** An older value of the same property goes, as far as it has not left; it is not missed. */
    #conflate({ topic }: Frame): void {
        if (this.#newest === undefined) {
            const newest = new Map<string, number>();
            this.#waiting.forEach((frame, index) => {
                if (frame?.topic !== undefined) newest.set(frame.topic, this.#taken + index);
            });
            this.#newest = newest;
        }
        if (topic === undefined) return;
        const index = (this.#newest.get(topic) ?? -1) - this.#taken;
        const older = this.#waiting[index];
        if (older?.topic !== topic) return;
        this.#waiting[index] = undefined;
        this.#waitingBytes -= older.bytes.length;
        this.budget.release(older);
    }

    #drop(slots: number): void {
        this.#taken += slots;
        if (slots === this.#waiting.length) this.#waiting = [];
        else this.#waiting.splice(0, slots);
        if (this.#waitingBytes * 2 <= this.bounds.maxStreamBacklog) this.#newest = undefined;
    }

    #keep(frame: Frame): void {
        this.#kept.push(frame);
        this.#keptBytes += frame.bytes.length;
    }

    #trim(): void {
        const { outboxFrames } = this.bounds;
        // While there is a stream what waits has a bound of its own; without one it counts here, the newest frame excepted.
        const waiting = this.#streaming ? 0 : this.#waiting.length;
        const waitingBytes = this.#streaming ? 0 : this.#waitingBytes;
        while (
            this.#first < this.#kept.length &&
            (this.#kept.length - this.#first + waiting > outboxFrames || this.#keptBytes + waitingBytes > KEPT_BYTES)
        ) {
            this.#evictKept();
        }
        if (this.#first > 64 && this.#first * 2 > this.#kept.length) {
            this.#kept = this.#kept.slice(this.#first);
            this.#first = 0;
        }
        if (!this.#streaming) this.#trimWaiting();
    }

    #trimWaiting(): void {
        let slots = 0;
        while (
            this.#waiting.length - slots > 1 &&
            (this.#waiting.length - slots > this.bounds.outboxFrames || this.#waitingBytes > KEPT_BYTES)
        ) {
            const frame = this.#waiting[slots++];
            if (frame === undefined) continue;
            this.#waitingBytes -= frame.bytes.length;
            this.#lastEvicted = frame.sequence;
            this.budget.release(frame);
        }
        if (slots > 0) this.#drop(slots);
    }

    #evictKept(): void {
        const frame = this.#kept[this.#first];
        this.#kept[this.#first++] = undefined; // or its memory would stay for as long as the slot
        if (frame === undefined) return;
        this.#keptBytes -= frame.bytes.length;
        this.#lastEvicted = frame.sequence;
        this.budget.release(frame);
    }
}
