/**
 * Which notifications have come already. A peer of ours repeats a notification, with the same message id and on the same connection
 * id, when it does not know whether its POST was taken (PROTOCOL.md, "Agents"); subscribers must hear it once.
 *
 * Only connections that negotiated features are looked at: HiveOT's clients use message ids again on purpose (protocol.md, "Stream").
 */

/** Ids of one connection that are remembered: more than an agent ever has under way. */
const MAX_PER_CONNECTION = 1_000;
/** Ids of all connections; beyond it those go that are silent for the longest time. */
const MAX_IDS = 200_000;
/** Characters of an id of a message or a connection; longer ones are nobody's who repeats, and not remembered. Ours are UUIDs. */
const MAX_LENGTH = 128;

/** Remembers message ids by connection, across its streams. */
export class RecentNotifications {
    /** Those that spoke last at the end. */
    readonly #connections = new Map<string, Set<string>>();
    #size = 0;

    constructor(private readonly maxIds = MAX_IDS) {}

    /** Ids that are remembered. */
    get size(): number {
        return this.#size;
    }

    /** Notes a notification. @returns true if it has come before */
    isRepeat(clientId: string, cid: string, messageId: string): boolean {
        if (messageId.length > MAX_LENGTH || cid.length > MAX_LENGTH) return false;
        const key = JSON.stringify([clientId, cid]);
        const ids = this.#connections.get(key) ?? new Set<string>();
        if (ids.has(messageId)) return true;
        this.#connections.delete(key);
        this.#connections.set(key, ids);
        ids.add(messageId);
        this.#size++;
        const [oldest] = ids;
        if (ids.size > MAX_PER_CONNECTION && oldest !== undefined) {
            ids.delete(oldest);
            this.#size--;
        }
        for (const [silent, { size }] of this.#connections) {
            if (this.#size <= this.maxIds || silent === key) break;
            this.#connections.delete(silent);
            this.#size -= size;
        }
        return false;
    }
}
