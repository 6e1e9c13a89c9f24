/**
 * Batches of notifications as a server takes them: JSON envelopes in one POST, one on each line, each handled by itself (PROTOCOL.md,
 * "Batches").
 */
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toSseScError } from "../../lib/errors";
import { parseJson } from "../../lib/json";
import type { NotificationMessage } from "../../lib/messages";
import { readText } from "./body";
import { header, type HttpRequest } from "./exchange";
import { BATCH_TYPE } from "./features";

/** Most lines that are taken at once: reading them is the work of one turn of the event loop. */
const MAX_LINES = 1_000;

/** True if the body of a request is a batch. */
export function isBatch(request: HttpRequest): boolean {
    const [type = ""] = (header(request, "content-type") ?? "").split(";", 1);
    return type.trim().toLowerCase() === BATCH_TYPE;
}

/**
 * The lines of a batch; blank ones are none.
 * @param maxSize largest number of bytes
 * @throws SseScError TOO_LARGE if it has too many bytes or lines; INVALID_REQUEST if there is no text to be had
 */
export async function readLines(request: HttpRequest, maxSize: number): Promise<readonly string[]> {
    const lines = (await readText(request, maxSize)).split("\n").filter((line) => line.trim() !== "");
    if (lines.length > MAX_LINES) throw new SseScError("TOO_LARGE");
    return lines;
}

/**
 * Reads the lines of a batch one by one.
 * @param take gets each notification, in order
 * @param converterFor the dialect of an envelope
 * @param maxDepth how deep the JSON of a line may be nested
 * @returns how many lines were no notification, and what was wrong with the first of them
 */
export function takeLines(
    lines: readonly string[],
    converterFor: (json: unknown) => MessageConverter,
    maxDepth: number,
    take: (notification: NotificationMessage) => void
): { readonly bad: number; readonly error: SseScError | undefined } {
    let bad = 0;
    let error: SseScError | undefined;
    for (const line of lines) {
        try {
            const json = parseJson(line, maxDepth);
            const result = converterFor(json).decodeNotification(json);
            if (!result.ok) throw result.error;
            take(result.value);
        } catch (thrown) {
            bad++;
            error ??= toSseScError(thrown);
        }
    }
    return { bad, error };
}
