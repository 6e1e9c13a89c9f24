/** How long to wait before the next attempt: full jitter, so that the clients of a restarted server do not come all at once. */
import { setTimeout as sleep } from "node:timers/promises";

/** Bounds of the waiting, in milliseconds. */
export interface ReconnectOptions {
    /** Longest wait before the first new attempt; it doubles with each that fails. Default 100. */
    readonly min: number;
    /** Longest wait of all. Default 15,000. */
    readonly max: number;
}

/**
 * Waits before an attempt.
 * @param attempts number of attempts that did not succeed so far
 * @param atLeast what the server asked for (milliseconds); obeyed up to `max`
 */
export async function backOff(
    attempts: number,
    { min, max }: ReconnectOptions,
    atLeast: number,
    signal: AbortSignal
): Promise<void> {
    const bound = Math.min(max, min * 2 ** Math.min(attempts, 30));
    await sleep(Math.max(Math.random() * bound, Math.min(atLeast, max)), undefined, { signal });
}
