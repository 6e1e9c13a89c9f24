/** The index of the directory in memory: what there is, in order, whose, how much of it, and what expires next. */
import { compareCodePoints, positionIn } from "./code-points";
import type { Entry } from "./directory-records";

/** What TDs take up. */
export interface Usage {
    readonly things: number;
    /** UTF-8 bytes of their JSON. */
    readonly bytes: number;
}

const NOTHING: Usage = { things: 0, bytes: 0 };

/** Entries by id. Asking costs the same whatever the directory holds. */
export class DirectoryIndex {
    readonly #entries = new Map<string, Entry>();
    /** In the order of code points. */
    readonly #ids: string[] = [];
    readonly #owned = new Map<string, { readonly ids: Set<string>; bytes: number }>();
    #bytes = 0;
    #soonest = Infinity;

    /** When the next entry expires, in milliseconds since the epoch. It may name a moment too early, never one too late. */
    get soonest(): number {
        return this.#soonest;
    }

    get(id: string): Entry | undefined {
        return this.#entries.get(id);
    }

    set(entry: Entry): void {
        this.#remove(entry.id);
        const at = positionIn(this.#ids, entry.id);
        if (this.#ids[at] !== entry.id) this.#ids.splice(at, 0, entry.id);
        this.#entries.set(entry.id, entry);
        const owned = this.#owned.get(entry.owner) ?? { ids: new Set<string>(), bytes: 0 };
        this.#owned.set(entry.owner, owned);
        owned.ids.add(entry.id);
        owned.bytes += entry.bytes;
        this.#bytes += entry.bytes;
        this.#soonest = Math.min(this.#soonest, entry.expiresAt);
    }

    delete(id: string): void {
        if (!this.#remove(id)) return;
        this.#ids.splice(positionIn(this.#ids, id), 1);
    }

    /** What this client's TDs take up, or all. */
    usage(owner?: string): Usage {
        if (owner === undefined) return { things: this.#entries.size, bytes: this.#bytes };
        const owned = this.#owned.get(owner);
        return owned === undefined ? NOTHING : { things: owned.ids.size, bytes: owned.bytes };
    }

    /** The ids of a client's TDs, in the order of code points. */
    ownedBy(owner: string): string[] {
        return [...(this.#owned.get(owner)?.ids ?? [])].sort(compareCodePoints);
    }

    /** All ids in the order of code points, without those that have expired by now. */
    liveIds(now: number): readonly string[] {
        return this.#soonest > now
            ? this.#ids
            : this.#ids.filter((id) => (this.#entries.get(id)?.expiresAt ?? 0) > now);
    }

    /** The entries that have expired by now. */
    expired(now: number): Entry[] {
        if (this.#soonest > now) return [];
        let soonest = Infinity;
        const expired: Entry[] = [];
        for (const entry of this.#entries.values()) {
            if (entry.expiresAt <= now) expired.push(entry);
            soonest = Math.min(soonest, entry.expiresAt);
        }
        this.#soonest = soonest;
        return expired;
    }

    /** Takes an entry out of everything but the list of ids. */
    #remove(id: string): boolean {
        const entry = this.#entries.get(id);
        if (entry === undefined) return false;
        this.#entries.delete(id);
        this.#bytes -= entry.bytes;
        const owned = this.#owned.get(entry.owner);
        if (owned !== undefined) {
            owned.ids.delete(id);
            owned.bytes -= entry.bytes;
            if (owned.ids.size === 0) this.#owned.delete(entry.owner);
        }
        return true;
    }
}
