/**
 * Sends requests on a path that may break at any moment, and says what is true: done, not done, or nobody knows.
 *
 * A POST of unknown outcome is sent again with the same ids, until it is answered or nobody waits any more: within one session of a server
 * that resumes any request, because such a server knows it again; elsewhere only what may be done twice (design.md, "Delivery").
 */
import type { SendOptions } from "../../lib/channel";
import { SseScError, toSseScError } from "../../lib/errors";
import type { RequestMessage } from "../../lib/messages";
import { mayRepeat, unknownOutcome } from "../../lib/pending-requests";

/** What a request needs of the channel that it goes by. */
export interface RequestPath {
    /** Waits for the path to open. @throws SseScError why it does not; ABORTED if nobody waits for the request any more */
    readonly opened: (options: SendOptions) => Promise<void>;
    /** One attempt. @throws SseScError */
    readonly post: (body: string, query: string | undefined) => Promise<void>;
    /** Another number whenever the server has forgotten what it knew of us. */
    readonly session: () => number;
    /** The server keeps what we miss, and recognises requests that come again. */
    readonly resumes: () => boolean;
    readonly isClosed: () => boolean;
    /** Waits ahead of the next attempt. @param failures number of those that failed */
    readonly pause: (failures: number) => Promise<void>;
}

/**
 * Sends a request.
 * @param body its envelope
 * @throws SseScError what the server refused it with; NO_SESSION and CONNECT_FAILED if it was not done; CONNECTION_LOST and TIMEOUT if nobody
 * knows and repeating it does no harm, else OUTCOME_UNKNOWN
 */
export async function sendRequest(
    request: RequestMessage,
    body: string,
    path: RequestPath,
    options: SendOptions
): Promise<void> {
    const { query, isWanted, onNotTaken } = options;
    /** The session in which an attempt ended without anybody knowing whether the request was taken. */
    let ambiguous: number | undefined;
    for (let attempt = 1; ; attempt++) {
        await path.opened(options);
        const session = path.session();
        // Another session knows nothing of that attempt (design.md, "Repeated requests").
        if (ambiguous !== undefined && ambiguous !== session && !mayRepeat(request))
            throw new SseScError("OUTCOME_UNKNOWN");
        try {
            await path.post(body, query);
            return;
        } catch (thrown) {
            const error = toSseScError(thrown);
            const { code } = error;
            const isUntaken = code === "CONNECT_FAILED" || code === "NO_SESSION";
            const isAmbiguous = code === "CONNECTION_LOST" || code === "TIMEOUT";
            const repeats = path.resumes()
                ? isUntaken || isAmbiguous
                : mayRepeat(request) && (isAmbiguous || (isUntaken && ambiguous !== undefined));
            if (!repeats || isWanted === undefined || path.isClosed()) {
                throw isAmbiguous ? unknownOutcome(request, code, error) : error;
            }
            if (isAmbiguous) ambiguous ??= session;
            else if (ambiguous === undefined) onNotTaken?.();
        }
        await path.pause(attempt);
    }
}
