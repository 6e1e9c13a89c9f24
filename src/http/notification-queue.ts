/** A bounded queue of notifications that drops what matters least: old values of properties first, then the oldest events. */
import type { NotificationMessage } from "../../lib/messages";
import { topicKey } from "../../lib/subscriptions";

/** How much may wait. */
export interface QueueBounds {
    /** Number of notifications. */
    readonly maxNotifications: number;
    /** Bytes of their envelopes. */
    readonly maxBytes: number;
}

/** A notification that waits. */
export interface QueuedNotification {
    readonly notification: NotificationMessage;
    /** Its envelope. */
    readonly line: string;
    readonly bytes: number;
    /** Grows from each to the next. */
    readonly sequence: number;
    /** It is on its way, and may have been taken. */
    sending: boolean;
    /** It goes by itself, not in a batch. */
    alone: boolean;
    /** Attempts that the hub failed at. */
    attempts: number;
}

/** Notifications in the order in which they were made. */
export class NotificationQueue {
    /** All, oldest first. */
    readonly #all = new Set<QueuedNotification>();
    /** Those of each Thing, oldest first. */
    readonly #ofThing = new Map<string, Set<QueuedNotification>>();
    /** Those that are no property values. */
    readonly #events = new Set<QueuedNotification>();
    /** The newest value of each property. */
    readonly #newest = new Map<string, QueuedNotification>();
    /** Called when the notification has left the queue, whichever way. */
    readonly #waiting = new Map<QueuedNotification, (() => void)[]>();
    #bytes = 0;
    #sequence = 0;

    constructor(
        private readonly bounds: QueueBounds,
        private readonly onDropped: () => void
    ) {}

    get size(): number {
        return this.#all.size;
    }

    entries(): Iterable<QueuedNotification> {
        return this.#all;
    }

    /** The oldest of each Thing. */
    *heads(): Iterable<[thingId: string, head: QueuedNotification]> {
        for (const [thingId, queue] of this.#ofThing) {
            const [head] = queue;
            if (head !== undefined) yield [thingId, head];
        }
    }

    /**
     * Appends a notification; of what waits that much goes that the bounds hold.
     * @param conflates the value of a property takes the place of the one that waits; it does so anyway once half of the room is taken
     * @returns false if it is larger than the whole queue may be
     */
    push(notification: NotificationMessage, line: string, conflates: boolean): boolean {
        const bytes = Buffer.byteLength(line);
        const { maxNotifications, maxBytes } = this.bounds;
        if (bytes > maxBytes) return false;
        const sequence = ++this.#sequence;
        const entry = { notification, line, bytes, sequence, sending: false, alone: false, attempts: 0 };
        if (isValue(notification)) {
            const key = topicKey(notification);
            const older = this.#newest.get(key);
            const crowded = this.#all.size * 2 > maxNotifications || this.#bytes * 2 > maxBytes;
            if (older?.sending === false && (conflates || crowded)) this.delete(older);
            this.#newest.set(key, entry);
        } else this.#events.add(entry);
        this.#all.add(entry);
        const ofThing = this.#ofThing.get(notification.thingId);
        if (ofThing === undefined) this.#ofThing.set(notification.thingId, new Set([entry]));
        else ofThing.add(entry);
        this.#bytes += bytes;
        while (this.#all.size > maxNotifications || this.#bytes > maxBytes) {
            const victim = firstIdle(this.#events, entry) ?? firstIdle(this.#all, entry) ?? entry;
            this.delete(victim);
            this.onDropped();
            if (victim === entry) break;
        }
        return true;
    }

    /** Keeps only the newest value of each property. */
    conflate(): void {
        for (const entry of [...this.#all]) {
            const { notification, sending } = entry;
            if (!sending && isValue(notification) && this.#newest.get(topicKey(notification)) !== entry)
                this.delete(entry);
        }
    }

    delete(entry: QueuedNotification): void {
        if (!this.#all.delete(entry)) return;
        this.#events.delete(entry);
        this.#bytes -= entry.bytes;
        const { notification } = entry;
        const ofThing = this.#ofThing.get(notification.thingId);
        if (ofThing?.delete(entry) === true && ofThing.size === 0) this.#ofThing.delete(notification.thingId);
        if (isValue(notification)) {
            const key = topicKey(notification);
            if (this.#newest.get(key) === entry) this.#newest.delete(key);
        }
        const waiting = this.#waiting.get(entry) ?? [];
        this.#waiting.delete(entry);
        for (const resolve of waiting) resolve();
    }

    /** Resolves when all that waits now for a Thing has left the queue. */
    async gone(thingId: string): Promise<void> {
        const limit = this.#sequence;
        for (;;) {
            let last: QueuedNotification | undefined;
            for (const entry of this.#ofThing.get(thingId) ?? []) {
                if (entry.sequence > limit) break;
                last = entry;
            }
            if (last === undefined) return;
            await this.#left(last); // it may leave before others that were made earlier
        }
    }

    clear(): void {
        for (const entry of [...this.#all]) this.delete(entry);
    }

    #left(entry: QueuedNotification): Promise<void> {
        return new Promise((resolve) => {
            const waiting = this.#waiting.get(entry);
            if (waiting === undefined) this.#waiting.set(entry, [resolve]);
            else waiting.push(resolve);
        });
    }
}

/** A notification about one property: a newer one says all that an older one says. */
function isValue({ affordance, name }: NotificationMessage): boolean {
    return affordance === "property" && name !== "";
}

function firstIdle(entries: Iterable<QueuedNotification>, except: QueuedNotification): QueuedNotification | undefined {
    for (const entry of entries) if (!entry.sending && entry !== except) return entry;
    return undefined;
}
