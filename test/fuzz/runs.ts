/**
 * How many cases each target gets, and with which seed; what must hold after each batch of them.
 *
 * `SEED` in the environment gives the seed. The long form (`npm run test:fuzz`) takes many more cases and says what it took.
 */
import { expect } from "chai";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";

/** True in the long form (long.ts). */
export const IS_LONG = process.env["FUZZ"] === "long";

/** Cases of one target: those of the short form, and those of the long one. */
export interface Cases {
    readonly short: number;
    readonly long: number;
    /** Cases that one run of the property has in it. Default 1. */
    readonly perRun?: number;
}

const given = process.env["SEED"];
const SEED = given === undefined || given === "" ? Math.floor(Math.random() * 0x7fff_ffff) : Number(given);

const PROTOTYPES: readonly object[] = [Object, Array, Function, String, Number, Boolean, Map, Set, Promise, Error].map(
    ({ prototype }) => prototype as object
);
const UNTOUCHED = PROTOTYPES.map((prototype) => Reflect.ownKeys(prototype));

/** What a heap may grow by over all cases of one target, in bytes. */
const MAX_GROWTH = 64 * 1024 * 1024;

/** Runs a property; a failure shows the counterexample, and the seed that leads to it again. */
export async function fuzz<T>(
    target: string,
    { short, long, perRun = 1 }: Cases,
    property: fc.IAsyncProperty<T> | fc.IProperty<T>
): Promise<void> {
    const numRuns = Math.ceil((IS_LONG ? long : short) / perRun);
    const heap = IS_LONG ? heapUsed() : 0;
    const from = performance.now();
    await fc.assert(property as fc.IAsyncProperty<T>, { numRuns, seed: SEED, endOnFailure: !IS_LONG || perRun > 1 });
    expectNoPollution();
    if (!IS_LONG) return;
    const seconds = (performance.now() - from) / 1000;
    const growth = heapUsed() - heap;
    console.log(
        `      fuzz ${target}: ${numRuns * perRun} cases, seed ${SEED}, ${seconds.toFixed(1)} s, heap ${mib(growth)} MiB`
    );
    expect(growth, "the heap grew by").to.be.lessThan(MAX_GROWTH);
    total += numRuns * perRun;
}

/** Cases of all targets so far. */
let total = 0;

after(() => {
    if (total > 0) console.log(`      fuzz: ${total} cases in all, seed ${SEED}`);
});

/** Checks that the prototypes of the language have the members that they had. */
function expectNoPollution(): void {
    for (const [at, prototype] of PROTOTYPES.entries()) {
        expect(Reflect.ownKeys(prototype)).to.deep.equal(UNTOUCHED[at]);
    }
}

/** Checks that a value is made of plain objects, records without a prototype, arrays and primitives, however deep. */
export function expectPlain(value: unknown): void {
    const open: unknown[] = [value];
    for (let next = open.pop(); open.length > 0 || next !== undefined; next = open.pop()) {
        if (typeof next !== "object" || next === null) continue;
        const prototype: unknown = Object.getPrototypeOf(next);
        if (Array.isArray(next)) expect(prototype === Array.prototype).to.equal(true);
        else expect(prototype === null || prototype === Object.prototype, "a foreign prototype").to.equal(true);
        for (const entry of Object.values(next)) if (entry !== undefined) open.push(entry);
    }
}

function heapUsed(): number {
    setFlagsFromString("--expose-gc");
    (runInNewContext("gc") as () => void)();
    return process.memoryUsage().heapUsed;
}

function mib(bytes: number): string {
    return (bytes / 1024 / 1024).toFixed(1);
}
