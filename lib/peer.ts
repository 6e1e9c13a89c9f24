/**
 * The symmetric end point on a channel: sends requests and awaits their responses, answers requests that come in, sends
 * notifications and hands on those that come in, all at once. Who dialled makes no difference.
 */
import type { Channel, ChannelReceiver, MessageContext } from "./channel";
import { SseScError, toProblem, toSseScError } from "./errors";
import { createRequest, createResponse, splitNotification, type NewRequest } from "./messages";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "./messages";
import { operationInfo, type Operation } from "./operations";
import { PeerOperations, type RequestOptions } from "./peer-operations";
import { PendingRequests, unknownOutcome } from "./pending-requests";
import { PeerSubscriptions, type SubscriptionHandle, type SubscriptionHandlers } from "./peer-subscriptions";

/** Default of `requestTimeout` in milliseconds (design.md, "Limits and defaults"). */
export const DEFAULT_REQUEST_TIMEOUT = 60_000;

/** Answers one request that came in: resolves with the output, or rejects with the error that the caller gets. */
export type RequestHandler = (request: RequestMessage, context: MessageContext) => Promise<unknown>;

export interface PeerOptions {
    /** Answers requests that come in. Without it they fail with `UNKNOWN_THING`. */
    readonly onRequest?: RequestHandler;
    /** Hears every notification that comes in, in the order of arrival. */
    readonly onNotification?: (notification: NotificationMessage) => void;
    /** Milliseconds until a request fails; 0 waits without limit. Default 60,000. */
    readonly requestTimeout?: number;
    /** Hears what a listener of the application threw; such errors harm nobody else. Default: dropped. */
    readonly onListenerError?: (error: unknown) => void;
}

/** The symmetric end point on a channel. */
export class Peer extends PeerOperations {
    readonly #channel: Channel;
    readonly #options: PeerOptions;
    readonly #pending = new PendingRequests();
    readonly #subscriptions: PeerSubscriptions;
    #answering = 0;

    constructor(channel: Channel, options: PeerOptions = {}) {
        super();
        this.#channel = channel;
        this.#options = options;
        this.#subscriptions = new PeerSubscriptions(
            (init, query) => this.request(init, query === undefined ? {} : { query }),
            (error) => options.onListenerError?.(error)
        );
        const receiver: ChannelReceiver = {
            reopened: () => {
                this.#subscriptions.renew();
            },
            received: (message, context) => {
                this.#receive(message, context);
            },
            dropped: (error) => {
                this.#subscriptions.drop();
                this.#pending.rejectAll((request) => unknownOutcome(request, "CONNECTION_LOST", error));
            },
            closed: (error) => {
                this.#pending.rejectAll((request) => unknownOutcome(request, "CONNECTION_LOST", error));
                this.#subscriptions.fail(error);
            },
        };
        channel.attach(receiver);
    }

    /** Number of own requests that wait for their response. */
    get pendingRequests(): number {
        return this.#pending.size;
    }

    /** Number of requests of the other side that are being answered. */
    get openRequests(): number {
        return this.#answering;
    }

    /** True while a request waits or a subscription stands. */
    get inUse(): boolean {
        return this.#pending.size > 0 || this.#subscriptions.size > 0 || this.#answering > 0;
    }

    /**
     * Sends a request and waits for its response.
     * @throws SseScError with the code that the other side gave, or `PEER_FAILED`, `TIMEOUT`, `ABORTED`, `CONNECTION_LOST`,
     * `OUTCOME_UNKNOWN`, `CONNECT_FAILED`, `UNAUTHORIZED`, …
     */
    override async request(init: NewRequest, options: RequestOptions = {}): Promise<ResponseMessage> {
        const request = createRequest(init);
        const { onProgress } = options;
        const response = this.#pending.add(request, {
            timeout: options.timeout ?? this.#options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT,
            signal: options.signal,
            onProgress:
                onProgress === undefined
                    ? undefined
                    : (notification) => {
                          this.#guard(() => {
                              onProgress(progressValue(notification));
                          });
                      },
        });
        if (this.#pending.has(request.correlationId)) this.#sendRequest(request, options);
        try {
            return await response;
        } catch (error) {
            if (request.operation === "invokeaction" && options.signal?.aborted === true) this.#cancelLater(request);
            throw error;
        }
    }

    /** Sends a notification. @throws SseScError if it could not be sent */
    async notify(notification: NotificationMessage): Promise<void> {
        await this.#channel.send(notification);
    }

    /** Ends the channel; what waits fails. */
    close(): void {
        this.#channel.close();
    }

    /**
     * Starts a subscription by its operation. Several on the same topic share one on the wire; it is made anew whenever the
     * channel opens again, and ends with `onError` only for good.
     */
    override async subscribe(
        operation: Operation,
        thingId: string,
        name: string,
        handlers: SubscriptionHandlers,
        { query }: Pick<RequestOptions, "query"> = {}
    ): Promise<SubscriptionHandle> {
        const { affordance, subscription } = operationInfo(operation);
        if (affordance === undefined || subscription !== "start") throw new SseScError("UNKNOWN_OPERATION");
        return this.#subscriptions.add(operation, { affordance, thingId, name }, handlers, query);
    }

    #sendRequest(request: RequestMessage, { signal, query }: RequestOptions): void {
        try {
            const isWanted = (): boolean => this.#pending.has(request.correlationId);
            this.#channel.send(request, { signal, query, isWanted })?.catch((error: unknown) => {
                this.#pending.reject(request.correlationId, toSseScError(error, "CONNECTION_LOST"));
            });
        } catch (error) {
            this.#pending.reject(request.correlationId, toSseScError(error, "INVALID_INPUT"));
        }
    }

    /** An invocation whose caller gave up is cancelled; whether that works is nobody's concern any more. */
    #cancelLater(request: RequestMessage): void {
        const { thingId, name, correlationId } = request;
        this.request({ operation: "cancelaction", thingId, name, input: correlationId }).catch(() => undefined);
    }

    #receive(message: Message, context: MessageContext): void {
        switch (message.kind) {
            case "response":
                this.#pending.settle(message);
                return;
            case "notification":
                this.#receiveNotification(message);
                return;
            case "request":
                void this.#answer(message, context);
        }
    }

    #receiveNotification(notification: NotificationMessage): void {
        if (notification.affordance === "action") {
            this.#pending.progress(notification, notification.correlationId || innerCorrelationId(notification));
        }
        for (const single of splitNotification(notification)) {
            this.#subscriptions.deliver(single);
            this.#guard(() => this.#options.onNotification?.(single));
        }
    }

    async #answer(request: RequestMessage, context: MessageContext): Promise<void> {
        this.#answering++;
        let response: ResponseMessage;
        try {
            if (this.#options.onRequest === undefined) throw new SseScError("UNKNOWN_THING");
            response = createResponse(request, { output: await this.#options.onRequest(request, context) });
        } catch (error) {
            response = createResponse(request, { error: toProblem(toSseScError(error, "HANDLER_FAILED")) });
        } finally {
            this.#answering--;
        }
        try {
            await this.#channel.send(response);
        } catch {
            // The asker is gone, or its path is: nobody is left to tell.
        }
    }

    #guard(call: () => void): void {
        try {
            call();
        } catch (error) {
            this.#options.onListenerError?.(error);
        }
    }
}

function isResponse(value: unknown): value is ResponseMessage {
    return typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "response";
}

function innerCorrelationId({ value }: NotificationMessage): string {
    return isResponse(value) ? value.correlationId : "";
}

/** The progress itself: the output inside the status. */
export function progressValue({ value }: NotificationMessage): unknown {
    return isResponse(value) ? value.output : value;
}
