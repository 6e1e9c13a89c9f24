/** Writes one after the other; those that come while the disk is busy share the next batch. */

/** A queue of writes. */
export class WriteQueue<T> {
    #waiting: T[] = [];
    #working: Promise<void> | undefined;

    /**
     * @param commit must not reject
     * @param maxBatch most writes in one batch
     * @param onIdle called when nothing waits any more
     */
    constructor(
        private readonly commit: (writes: readonly T[]) => Promise<void>,
        private readonly maxBatch: number,
        private readonly onIdle: () => void
    ) {}

    add(write: T): void {
        this.#waiting.push(write);
        this.#working ??= this.#work();
    }

    /** Resolves when nothing waits any more. */
    async idle(): Promise<void> {
        await this.#working;
    }

    async #work(): Promise<void> {
        while (this.#waiting.length > 0) await this.commit(this.#waiting.splice(0, this.maxBatch));
        this.#working = undefined;
        this.onIdle();
    }
}
