/** Waiting for what no event announces: asks in each turn of the event loop, without a pause, until a deadline. */
import { setImmediate as turn } from "node:timers/promises";

/**
 * Resolves when `condition` holds.
 * @param what names it, for the error after 5 s
 */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
    const deadline = Date.now() + 5_000;
    while (!condition()) {
        if (Date.now() > deadline) throw new Error(`Never came true: ${what}`);
        await turn();
    }
}
