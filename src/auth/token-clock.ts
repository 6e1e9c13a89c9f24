/** The moments that tokens, passwords and log-outs are ordered by: a clock that does not go back where that of the machine does. */

/**
 * Gives moments in milliseconds since the epoch, none before one that was given or seen earlier. It tells what came first, not how long
 * something lasts: the end of a token goes by the machine's clock.
 */
export class TokenClock {
    #latest = 0;

    /** This moment. */
    now(): number {
        this.#latest = Math.max(Date.now(), this.#latest);
        return this.#latest;
    }

    /** A moment after all earlier ones. */
    next(): number {
        this.#latest = Math.max(Date.now(), this.#latest + 1);
        return this.#latest;
    }

    /** Takes note of a moment of earlier, such as one in the store. */
    saw(moment: number): void {
        this.#latest = Math.max(this.#latest, moment);
    }
}
