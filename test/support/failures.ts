/** What operations fail with. */
import { SseScError } from "../../src/index";

/** The error that a promise is rejected with. @throws Error if it is not rejected, or with something that is no `SseScError` */
export async function failure(promise: Promise<unknown>): Promise<SseScError> {
    const error = await promise.then(
        (value) => new Error(`It succeeded with ${JSON.stringify(value)}`),
        (thrown: unknown) => thrown
    );
    if (error instanceof SseScError) return error;
    throw error;
}

/** Its code. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
    return (await failure(promise)).code;
}
