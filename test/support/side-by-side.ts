/** Tests that mostly wait, for a timer or for another process: they wait side by side, not one after the other. */

/** What ends something when the test ends, last one first. */
export type OnEnd = (cleanup: () => unknown) => void;

/** A test that shares nothing with others: it makes all that it uses, and hands over how that ends. */
export type Body = (onEnd: OnEnd) => Promise<unknown>;

interface Outcome {
    readonly error: Error | undefined;
    /** Milliseconds that this test took. */
    readonly took: number;
}

/**
 * Call it in a `describe`: it returns what wraps the tests of that `describe`. They begin together, ahead of the first one, and none is
 * left when the last one has told its outcome. Each has the timeout of its `it`, counted from its own beginning.
 *
 * @param limit how many are under way at a time. Default: all
 */
export function sideBySide(limit = Number.POSITIVE_INFINITY): (body: Body) => Mocha.AsyncFunc {
    const bodies: Body[] = [];
    let outcomes: Promise<Outcome>[] = [];

    before(() => {
        outcomes = startAll(bodies, limit);
    });
    after(() => Promise.all(outcomes));

    return (body) => {
        const index = bodies.push(body) - 1;
        return async function (this: Mocha.Context) {
            const { error, took } = (await outcomes[index])!;
            if (error !== undefined) throw error;
            const timeout = this.timeout();
            if (timeout > 0 && took > timeout) throw new Error(`It took ${Math.round(took)} ms`);
        };
    };
}

/** Starts the tests in their order. */
function startAll(bodies: readonly Body[], limit: number): Promise<Outcome>[] {
    const waiting: (() => void)[] = [];
    let running = 0;
    return bodies.map(async (body) => {
        if (running >= limit) await new Promise<void>((start) => waiting.push(start));
        else running++;
        const outcome = await outcomeOf(body);
        const next = waiting.shift();
        if (next === undefined) running--;
        else next();
        return outcome;
    });
}

async function outcomeOf(body: Body): Promise<Outcome> {
    const from = performance.now();
    const errors: Error[] = [];
    const attempt = async (step: () => unknown): Promise<void> => {
        try {
            await step();
        } catch (error) {
            errors.push(error instanceof Error ? error : new Error(String(error)));
        }
    };
    const cleanups: (() => unknown)[] = [];
    await attempt(() => body((cleanup) => cleanups.push(cleanup)));
    for (const cleanup of cleanups.reverse()) await attempt(cleanup);
    return { error: errors[0], took: performance.now() - from };
}
