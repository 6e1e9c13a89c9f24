/** Runs one Passport strategy for one request, and gets an outcome whatever the strategy does or fails to do. */
import type { Strategy as PassportStrategy } from "passport";
import { SseScError } from "../../lib/errors";
import type { Strategy, StrategyActions } from "./strategy";

/** The part of Passport that is used; its own declarations say `any` and ask for Express. */
export interface PassportInstance {
    use(name: string, strategy: PassportStrategy): unknown;
    authenticate(
        name: string,
        options: { session: false },
        callback: (error: unknown, user?: unknown, info?: unknown) => void
    ): (request: object, response: object, next: (error?: unknown) => void) => void;
}

/** What came out: what the strategy calls the user, or else the challenge that it gave, if any. */
export interface StrategyOutcome {
    readonly user?: unknown;
    readonly challenge?: unknown;
}

/**
 * Makes a strategy that cannot end the process: what it throws, also by rejection, becomes its error. Passport itself would leave a
 * rejection of an asynchronous `authenticate` to nobody.
 */
export function guard(strategy: Strategy): PassportStrategy {
    const guarded = Object.create(strategy) as Strategy & PassportStrategy; // Passport derives from it in its turn
    guarded.authenticate = function (this: StrategyActions, request, options) {
        const fail = (thrown: unknown): void => {
            this.error(thrown ?? new Error("The strategy threw nothing"));
        };
        try {
            const result: unknown = strategy.authenticate.call(this, request, options);
            if (result instanceof Promise) result.catch(fail);
        } catch (thrown) {
            fail(thrown);
        }
    };
    return guarded;
}

/**
 * Runs a strategy. One that redirects or passes has not found out who it is, as one that fails.
 * @param deadline milliseconds that it may take. Default: no limit
 * @returns rejects with what the strategy threw or called its error, or with SseScError `INTERNAL` if it never answered
 */
export function runStrategy(
    passport: PassportInstance,
    name: string,
    request: object,
    deadline?: number
): Promise<StrategyOutcome> {
    return new Promise((resolve, reject) => {
        const giveUp = (): void => reject(new SseScError("INTERNAL", `No answer within ${deadline} ms`));
        const timer = deadline === undefined ? undefined : setTimeout(giveUp, deadline);
        const settle = (error?: unknown, user?: unknown, info?: unknown): void => {
            clearTimeout(timer);
            if (error) reject(error instanceof Error ? error : new Error("The strategy failed", { cause: error }));
            else resolve(user ? { user } : { challenge: info });
        };
        // All that Passport asks of a response is what a redirect takes
        const response = { statusCode: 200, setHeader: () => undefined, end: () => settle() };
        try {
            passport.authenticate(name, { session: false }, settle)(request, response, settle);
        } catch (error) {
            settle(error);
        }
    });
}
