/**
 * Delivers the answers to requests that came on a stream that we dialled.
 *
 * Somebody waits for each of them, and a second copy of one does no harm: who asked drops it (design.md, "Hub to agent"). So an answer
 * that may have got lost is sent again, and one that cannot be sent as it is becomes an error.
 */
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toProblem, toSseScError, type ErrorCode } from "../../lib/errors";
import type { ResponseMessage } from "../../lib/messages";

/** Attempts of one answer; each waits for the path to be open. */
const ATTEMPTS = 3;

/** Failures after which a new attempt may succeed. A time-out is none: who asked has given up by then. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONNECTION_LOST", "CONNECT_FAILED", "NO_SESSION"]);

/**
 * Sends a response.
 * @param post sends the text of an envelope once the path is open; rejects with a SseScError
 * @throws SseScError if the other side did not take it
 */
export async function deliverResponse(
    response: ResponseMessage,
    converter: MessageConverter,
    post: (body: string) => Promise<void>
): Promise<void> {
    let body: string;
    try {
        body = converter.encode(response);
    } catch {
        await repeat(post, converter.encode(failed(response, "INVALID_OUTPUT")));
        return;
    }
    try {
        await repeat(post, body);
    } catch (thrown) {
        const { code, status } = toSseScError(thrown);
        const refused = status === 413 || (status === 400 && code !== "NO_SESSION");
        if (!refused || response.status === "failed") throw thrown;
        await repeat(
            post,
            converter.encode(failed(response, status === 413 ? "RESPONSE_TOO_LARGE" : "INVALID_OUTPUT"))
        );
    }
}

async function repeat(post: (body: string) => Promise<void>, body: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
        try {
            await post(body);
            return;
        } catch (thrown) {
            if (attempt === ATTEMPTS || !PASSING.has(toSseScError(thrown, "INTERNAL").code)) throw thrown;
        }
    }
}

function failed(response: ResponseMessage, code: ErrorCode): ResponseMessage {
    return { ...response, status: "failed", output: undefined, error: toProblem(new SseScError(code)) };
}
