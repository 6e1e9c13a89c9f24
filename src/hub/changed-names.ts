/** Names of Things that changed and are not stored yet: each once, up to a bound. */

/** Names that may wait, and the characters that they may have: a disk may stand still, and agents may make up names without end. */
const MAX_NAMES = 100_000;
const MAX_LENGTH = 8 * 1024 * 1024;

/** Pairs of a Thing's id and a name, in the order in which they were first added. */
export class ChangedNames implements Iterable<readonly [thingId: string, name: string]> {
    readonly #things = new Map<string, Set<string>>();
    #size = 0;
    #length = 0;
    #done: Promise<void> | undefined;
    #finish: (() => void) | undefined;

    /** Number of pairs. */
    get size(): number {
        return this.#size;
    }

    /** Resolves when `finish` is called. */
    get done(): Promise<void> {
        this.#done ??= new Promise((resolve) => {
            this.#finish = resolve;
        });
        return this.#done;
    }

    /** Adds a pair. False if there is no room for it. */
    add(thingId: string, name: string): boolean {
        const names = this.#things.get(thingId);
        if (names?.has(name) === true) return true;
        if (this.#size >= MAX_NAMES || this.#length > MAX_LENGTH) return false;
        this.#size++;
        this.#length += name.length + (names === undefined ? thingId.length : 0);
        if (names === undefined) this.#things.set(thingId, new Set([name]));
        else names.add(name);
        return true;
    }

    *[Symbol.iterator](): IterableIterator<readonly [thingId: string, name: string]> {
        for (const [thingId, names] of this.#things) for (const name of names) yield [thingId, name];
    }

    /** All of them are stored. */
    finish(): void {
        this.#finish?.();
    }
}
