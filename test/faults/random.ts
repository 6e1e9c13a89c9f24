/** Chance that can be had again: everything that a scenario decides by chance follows from the seed. */

/** Draws numbers; the same seed and name draw the same ones. */
export class Random {
    #state: number;

    constructor(seed: number, name = "") {
        this.#state = seed >>> 0;
        for (const character of name) this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x01000193) >>> 0;
    }

    /** From 0 up to, and without, 1 (mulberry32). */
    fraction(): number {
        this.#state = (this.#state + 0x6d2b79f5) >>> 0;
        let mixed = this.#state;
        mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    }

    /** A whole number of the range, both ends included. */
    between(from: number, to: number): number {
        return from + Math.floor(this.fraction() * (to - from + 1));
    }

    /** One of these. */
    pick<T>(items: readonly T[]): T {
        return items[this.between(0, items.length - 1)]!;
    }

    /** True that often out of 1. */
    chance(of: number): boolean {
        return this.fraction() < of;
    }
}

/** The seed of this run: `SEED`, or another one each time. */
export const SEED = readSeed(process.env["SEED"]);

function readSeed(given: string | undefined): number {
    if (given === undefined || given === "") return Math.floor(Math.random() * 2 ** 31);
    const seed = Number(given);
    if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`SEED is no whole number: ${given}`);
    return seed;
}
