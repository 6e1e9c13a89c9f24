/**
 * What an agent has to tell its hub: notifications in the order in which they were made, kept while the hub is away.
 *
 * Order over HTTP/2 is not given between POSTs (design.md, "Order"), so there is one POST in flight per Thing, or one batch of all
 * Things. A POST that may or may not have been taken is sent again with the same message ids: a hub of ours knows them. The queue is
 * bounded: beyond it the oldest event goes, while of a property only the newest value is kept (design.md, "Delivery").
 */
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toSseScError } from "../../lib/errors";
import type { NotificationMessage } from "../../lib/messages";
import { backOff, type ReconnectOptions } from "./back-off";
import { mayPass, meansBusy } from "./notification-failures";
import { NotificationQueue, type QueueBounds, type QueuedNotification } from "./notification-queue";

/** Most lines and bytes of one batch. */
const BATCH_LINES = 500;
const BATCH_BYTES = 256 * 1024;
/** POSTs in flight at once where the hub takes no batches. */
const POSTS_AT_ONCE = 16;
/** Attempts of one notification that the hub fails at (5xx), so that it does not hold up the others for ever. */
const ATTEMPTS = 3;

export interface NotificationOutboxOptions extends QueueBounds {
    readonly converter: MessageConverter;
    /** POSTs one line, or several as a batch; rejects with a SseScError. */
    readonly post: (lines: readonly string[], signal: AbortSignal) => Promise<void>;
    /** Waiting before a POST is repeated on an open path. */
    readonly retry: ReconnectOptions;
    /** Hears that a notification is lost: it cannot be encoded, is larger than the queue, or the hub refused it. */
    readonly onLost: (notification: NotificationMessage, error: SseScError) => void;
    /** Hears that a notification went because the queue was full. */
    readonly onDropped: () => void;
}

/** The notifications of one agent that wait to be taken by its hub. */
export class NotificationOutbox {
    readonly #options: NotificationOutboxOptions;
    readonly #queue: NotificationQueue;
    /** Things that the hub does not know yet on this connection: theirs wait. */
    readonly #held = new Set<string>();
    #state: "away" | "single" | "batches" = "away";
    #inFlight = 0;
    /** Ends what is in flight on an earlier connection. */
    #connection = new AbortController();
    /** Ends the waiting for a repetition; set while nothing may leave. */
    #pause: AbortController | undefined;
    #failures = 0;
    /** Most lines of the next batch: less after one that broke, or a path that lives shortly would never carry it. */
    #batchLines = BATCH_LINES;
    #scheduled = false;
    #closed = false;

    constructor(options: NotificationOutboxOptions) {
        this.#options = options;
        this.#queue = new NotificationQueue(options, options.onDropped);
    }

    /** Notifications that wait, those in flight included. */
    get size(): number {
        return this.#queue.size;
    }

    /** Puts a notification at the end; it leaves at the end of this turn of the event loop at the earliest. */
    push(notification: NotificationMessage): void {
        if (this.#closed) return;
        let line: string;
        try {
            // A line break of somebody's converter can only stand between tokens, and would end the line of a batch.
            line = this.#options.converter.encode(notification).replace(/[\r\n]+/g, " ");
        } catch (cause) {
            this.#options.onLost(notification, new SseScError("INVALID_OUTPUT", undefined, { cause }));
            return;
        }
        const taken = this.#queue.push(notification, line, this.#state === "away");
        if (taken) this.#schedule();
        else this.#options.onLost(notification, new SseScError("TOO_LARGE"));
    }

    /** Resolves when all that is queued now for a Thing was taken, or is lost. */
    async delivered(thingId: string): Promise<void> {
        await this.#queue.gone(thingId);
    }

    /** The notifications of a Thing wait until `release`. */
    hold(thingId: string): void {
        this.#held.add(thingId);
    }

    /** Those of a Thing may leave. */
    release(thingId: string): void {
        if (this.#held.delete(thingId)) this.#schedule();
    }

    /** The path is open. @param batches the hub takes several notifications in one POST */
    opened(batches: boolean): void {
        // What is still in flight went by a path that is gone.
        this.#connection.abort();
        this.#connection = new AbortController();
        this.#state = batches ? "batches" : "single";
        this.#failures = 0;
        this.#pause?.abort();
        this.#schedule();
    }

    /** The path is gone: what comes now waits. */
    dropped(): void {
        this.#state = "away";
        this.#queue.conflate();
    }

    /** Forgets everything and ends what is in flight; whoever waits for a delivery goes on. */
    close(): void {
        this.#closed = true;
        this.#state = "away";
        this.#connection.abort();
        this.#pause?.abort();
        this.#held.clear();
        this.#queue.clear();
    }

    /** What is made in one turn of the event loop travels together. */
    #schedule(): void {
        if (this.#scheduled || this.#closed) return;
        this.#scheduled = true;
        setImmediate(() => {
            this.#scheduled = false;
            this.#pump();
        });
    }

    #pump(): void {
        if (this.#closed || this.#pause !== undefined) return;
        if (this.#state === "batches") {
            // Whatever an earlier connection has in flight goes first.
            if (this.#inFlight > 0) return;
            const batch = this.#nextBatch();
            if (batch.length > 0) void this.#post(batch);
            return;
        }
        if (this.#state === "away") return;
        for (const [thingId, entry] of this.#queue.heads()) {
            if (this.#inFlight >= POSTS_AT_ONCE) return;
            if (!this.#held.has(thingId) && !entry.sending) void this.#post([entry]);
        }
    }

    #nextBatch(): QueuedNotification[] {
        const batch: QueuedNotification[] = [];
        let bytes = 0;
        for (const entry of this.#queue.entries()) {
            if (this.#held.has(entry.notification.thingId)) continue;
            // One that was refused in company is tried by itself.
            if (batch.length > 0 && (entry.alone || bytes + entry.bytes > BATCH_BYTES)) break;
            batch.push(entry);
            bytes += entry.bytes;
            if (entry.alone || batch.length >= this.#batchLines) break;
        }
        return batch;
    }

    /** Never rejects. */
    async #post(batch: readonly QueuedNotification[]): Promise<void> {
        this.#inFlight++;
        const { signal } = this.#connection;
        for (const entry of batch) entry.sending = true;
        try {
            await this.#options.post(
                batch.map(({ line }) => line),
                signal
            );
            this.#failures = 0;
            this.#batchLines = Math.min(2 * this.#batchLines, BATCH_LINES);
            for (const entry of batch) this.#queue.delete(entry);
        } catch (thrown) {
            for (const entry of batch) entry.sending = false;
            this.#failed(batch, toSseScError(thrown, "CONNECTION_LOST"), signal.aborted);
        } finally {
            this.#inFlight--;
            this.#schedule();
        }
    }

    #failed(batch: readonly QueuedNotification[], error: SseScError, outdated: boolean): void {
        if (outdated || mayPass(error)) this.#batchLines = Math.max(1, batch.length >> 1);
        if (this.#closed || outdated) return; // by a path that is gone: it goes again by the new one
        if (mayPass(error)) {
            this.#wait(error);
            return;
        }
        if (batch.length > 1) {
            for (const entry of batch) entry.alone = true; // one of them is not to the hub's liking
            return;
        }
        for (const entry of batch) {
            entry.attempts++;
            if (meansBusy(error) && entry.attempts < ATTEMPTS) this.#wait(error);
            else {
                this.#queue.delete(entry);
                this.#options.onLost(entry.notification, error);
            }
        }
    }

    /** Nothing leaves for a while, unless the path opens anew before. */
    #wait({ retryAfter = 0 }: SseScError): void {
        if (this.#pause !== undefined) return;
        const pause = new AbortController();
        this.#pause = pause;
        void backOff(this.#failures++, this.#options.retry, retryAfter * 1000, pause.signal)
            .catch(() => undefined)
            .then(() => {
                this.#pause = undefined;
                this.#schedule();
            });
    }
}
