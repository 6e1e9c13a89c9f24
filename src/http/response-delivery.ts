/**
 * Delivers the answers to requests that came on a stream that we dialled.
 *
 * Somebody waits for each of them, and a second copy of one does no harm: who asked drops it (design.md, "Hub to agent"). So an answer
 * that may have got lost is sent again, and one that cannot be sent as it is becomes an error.
 */
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toProblem, toSseScError, type ErrorCode } from "../../lib/errors";
import type { ResponseMessage } from "../../lib/messages";

/** Milliseconds for which an answer is sent again; then who asked has given up (design.md, "Deadlines"). */
const PATIENCE = 60_000;

/** Failures after which a new attempt may succeed. A time-out is none: it takes as long as the patience lasts. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONNECTION_LOST", "CONNECT_FAILED", "NO_SESSION"]);

/**
 * Sends a response.
 * @param post sends the text of an envelope once the path is open; rejects with a SseScError
 * @param wait waits ahead of the next attempt; it gets the number of those that failed.
 * @throws SseScError if the other side did not take it
 */
export async function deliverResponse(
    response: ResponseMessage,
    converter: MessageConverter,
    post: (body: string) => Promise<void>,
    wait: (failures: number) => Promise<void>
): Promise<void> {
    const until = Date.now() + PATIENCE;
    const repeat = (text: string): Promise<void> => postUntil(until, () => post(text), wait);
    let body: string;
    try {
        body = converter.encode(response);
    } catch {
        await repeat(converter.encode(failed(response, "INVALID_OUTPUT")));
        return;
    }
    try {
        await repeat(body);
    } catch (thrown) {
        const { code, status } = toSseScError(thrown);
        const refused = status === 413 || (status === 400 && code !== "NO_SESSION");
        if (!refused || response.status === "failed") throw thrown;
        await repeat(converter.encode(failed(response, status === 413 ? "RESPONSE_TOO_LARGE" : "INVALID_OUTPUT")));
    }
}

async function postUntil(
    until: number,
    post: () => Promise<void>,
    wait: (failures: number) => Promise<void>
): Promise<void> {
    for (let failures = 1; ; failures++) {
        try {
            await post();
            return;
        } catch (thrown) {
            if (Date.now() > until || !PASSING.has(toSseScError(thrown, "INTERNAL").code)) throw thrown;
        }
        await wait(failures);
    }
}

function failed(response: ResponseMessage, code: ErrorCode): ResponseMessage {
    return { ...response, status: "failed", output: undefined, error: toProblem(new SseScError(code)) };
}
