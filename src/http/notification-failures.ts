/** What the failure of a notification's POST says about a new attempt. */
import type { ErrorCode, SseScError } from "../../lib/errors";

/** Failures that say nothing about the notification itself. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
    "ABORTED",
    "ALREADY_CLOSED",
    "CONNECTION_LOST",
    "CONNECT_FAILED",
    "INVALID_CREDENTIALS",
    "NO_SESSION",
    "TIMEOUT",
    "TOO_MANY_CONNECTIONS",
    "TOO_MANY_REQUESTS",
    "UNAUTHORIZED",
]);

/** True if the same POST may succeed later, as often as it failed by now. */
export function mayPass({ code, status }: SseScError): boolean {
    return PASSING.has(code) || status === 429 || status === 503;
}

/** True if the hub failed at it, as far as it says so: a few attempts more are worth it. */
export function meansBusy({ status }: SseScError): boolean {
    return status >= 500;
}
