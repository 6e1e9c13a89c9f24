/** Requests that wait for their response: correlation, deadlines, progress. */
import { fromProblem, SseScError } from "./errors";
import type { NotificationMessage, RequestMessage, ResponseMessage } from "./messages";
import { isOperation, operationInfo } from "./operations";

/** How one request is waited for. */
export interface PendingOptions {
    /** Milliseconds until the request fails; progress starts the time anew. 0 waits without limit. */
    readonly timeout: number;
    /** Ends the waiting: the request fails with `ABORTED`. */
    readonly signal?: AbortSignal | undefined;
    /** Called with each progress notification of the request. */
    readonly onProgress?: ((progress: NotificationMessage) => void) | undefined;
    /** Sends the request again: the other side has forgotten it, and doing it twice does no harm. Default: it fails instead. */
    readonly repeat?: (() => void) | undefined;
    /** Called when `signal` ended the waiting for a request that had left. */
    readonly onAbandoned?: (() => void) | undefined;
}

interface Pending {
    readonly request: RequestMessage;
    readonly options: PendingOptions;
    readonly resolve: (response: ResponseMessage) => void;
    readonly reject: (error: SseScError) => void;
    timer: ReturnType<typeof setTimeout> | undefined;
    /** True once it has left, or may have: before that nobody can have carried it out. */
    sent: boolean;
    /** It had left when the path broke: the other side may forget it. */
    doubtful: boolean;
    readonly stopListening: () => void;
}

/** True if doing a request twice does no harm, so that it may be sent again after an unknown outcome. */
export function mayRepeat({ operation }: RequestMessage): boolean {
    return isOperation(operation) && operationInfo(operation).safe;
}

/**
 * The error of a request whose outcome nobody knows: `code` if repeating it does no harm, else `OUTCOME_UNKNOWN`
 * (design.md, "Delivery").
 */
export function unknownOutcome(
    request: RequestMessage,
    code: "CONNECTION_LOST" | "TIMEOUT",
    cause?: unknown
): SseScError {
    if (mayRepeat(request)) return new SseScError(code, undefined, { cause });
    return new SseScError("OUTCOME_UNKNOWN", undefined, { cause: new SseScError(code, undefined, { cause }) });
}

/** The requests of one peer that wait for their response. */
export class PendingRequests {
    #pending = new Map<string, Pending>();

    /** Number of requests that wait. */
    get size(): number {
        return this.#pending.size;
    }

    /**
     * Registers a request; call it before the request is sent, because the response may overtake the reply of the POST.
     * @returns what settles with the response, or rejects with the error that the response carries, `TIMEOUT`, `ABORTED`, or
     * whatever `reject` and `rejectAll` are given
     */
    add(request: RequestMessage, options: PendingOptions): Promise<ResponseMessage> {
        return new Promise((resolve, reject) => {
            const id = request.correlationId;
            const abort = (): void => {
                this.reject(id, new SseScError("ABORTED", undefined, { cause: options.signal?.reason }));
                if (pending.sent) options.onAbandoned?.();
            };
            if (options.signal?.aborted === true) {
                reject(new SseScError("ABORTED", undefined, { cause: options.signal.reason }));
                return;
            }
            options.signal?.addEventListener("abort", abort, { once: true });
            const stopListening = (): void => options.signal?.removeEventListener("abort", abort);
            const pending: Pending = {
                request,
                options,
                resolve,
                reject,
                timer: undefined,
                sent: false,
                doubtful: false,
                stopListening,
            };
            this.#pending.set(id, pending);
            this.#startTimer(pending);
        });
    }

    has(correlationId: string): boolean {
        return this.#pending.has(correlationId);
    }

    /** Notes that a request leaves. False if nobody waits for it (any more): then it should not leave. */
    leaves(correlationId: string): boolean {
        const pending = this.#pending.get(correlationId);
        if (pending !== undefined) pending.sent = true;
        return pending !== undefined;
    }

    /** It turned out that a request has not left. */
    stays(correlationId: string): void {
        const pending = this.#pending.get(correlationId);
        if (pending !== undefined) pending.sent = pending.doubtful = false;
    }

    /** The path broke, and will be opened again: until then nobody knows what becomes of those that have left. */
    doubt(): void {
        for (const pending of this.#pending.values()) pending.doubtful = pending.sent;
    }

    /** The other side forgets all that had left when the path broke: what is not to be sent again fails. */
    giveUp(cause: SseScError | undefined): void {
        for (const { request, options, doubtful } of [...this.#pending.values()]) {
            if (!doubtful || (options.repeat !== undefined && mayRepeat(request))) continue;
            this.reject(request.correlationId, unknownOutcome(request, "CONNECTION_LOST", cause));
        }
    }

    /** Sends again what had left when the path broke, and still waits. */
    repeat(): void {
        for (const pending of [...this.#pending.values()]) {
            if (!pending.doubtful) continue;
            pending.doubtful = false;
            pending.options.repeat?.();
        }
    }

    /** Settles the request that a response belongs to. False if nobody waits for it (any more). */
    settle(response: ResponseMessage): boolean {
        const pending = this.#take(response.correlationId);
        if (pending === undefined) return false;
        if (response.status === "failed" || response.error !== undefined) {
            const problem = response.error ?? { status: 500, type: "", title: "The request failed" };
            pending.reject(fromProblem(problem));
        } else pending.resolve(response);
        return true;
    }

    /** Fails one request; one that does not wait (any more) is no error. */
    reject(correlationId: string, error: SseScError): void {
        this.#take(correlationId)?.reject(error);
    }

    /**
     * Hands a progress notification to the invocation it belongs to: by correlation id, else by Thing and name.
     * @returns the requests that it belongs to
     */
    progress(notification: NotificationMessage, correlationId: string): readonly RequestMessage[] {
        const known = this.#pending.get(correlationId);
        const candidates = known === undefined ? this.#invocationsOf(notification, correlationId) : [known];
        for (const pending of candidates) {
            this.#startTimer(pending);
            pending.options.onProgress?.(notification);
        }
        return candidates.map(({ request }) => request);
    }

    /** Empties the map and fails each request with what `errorOf` makes for it, and for whether it had left. */
    rejectAll(errorOf: (request: RequestMessage, sent: boolean) => SseScError): void {
        const pending = this.#pending;
        this.#pending = new Map(); // a late response must find nothing
        for (const entry of pending.values()) {
            release(entry);
            entry.reject(errorOf(entry.request, entry.sent));
        }
    }

    /** The reference sends no correlation id with progress (protocol.md), so such a one is for all calls of that action. */
    #invocationsOf(notification: NotificationMessage, correlationId: string): Pending[] {
        if (correlationId !== "") return [];
        return [...this.#pending.values()].filter(
            ({ request }) =>
                request.operation === "invokeaction" &&
                request.thingId === notification.thingId &&
                request.name === notification.name
        );
    }

    #take(correlationId: string): Pending | undefined {
        const pending = this.#pending.get(correlationId);
        if (pending === undefined) return undefined;
        this.#pending.delete(correlationId);
        release(pending);
        return pending;
    }

    #startTimer(pending: Pending): void {
        clearTimeout(pending.timer);
        if (pending.options.timeout <= 0) return;
        pending.timer = setTimeout(() => {
            const error = pending.sent
                ? unknownOutcome(pending.request, "TIMEOUT")
                : new SseScError("TIMEOUT", "There was no connection in time: the request was not sent");
            this.reject(pending.request.correlationId, error);
        }, pending.options.timeout);
    }
}

function release(pending: Pending): void {
    clearTimeout(pending.timer);
    pending.stopListening();
}
