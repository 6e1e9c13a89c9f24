/**
 * The symmetric end point on a channel: sends requests and awaits their responses, answers requests that come in, sends
 * notifications and hands on those that come in, all at once. Who dialled makes no difference.
 */
import { actionIdOf } from "./action-ids";
import type { Channel, ChannelReceiver, MessageContext, SendOptions } from "./channel";
import { SseScError, toProblem, toSseScError } from "./errors";
import { createRequest, createResponse, isMessage, splitNotification, type NewRequest } from "./messages";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "./messages";
import { operationInfo, type Operation } from "./operations";
import { PeerOperations, type RequestOptions, type SubscribeOptions } from "./peer-operations";
import { PendingRequests, unknownOutcome } from "./pending-requests";
import { PeerSubscriptions, type SubscriptionHandle, type SubscriptionHandlers } from "./peer-subscriptions";
import { toQuery } from "./uri-variables";

/** Default of `requestTimeout` in milliseconds (design.md, "Limits and defaults"). */
export const DEFAULT_REQUEST_TIMEOUT = 60_000;

/** Answers one request that came in: resolves with the output, or rejects with the error that the caller gets. */
export type RequestHandler = (request: RequestMessage, context: MessageContext) => Promise<unknown>;

/** Hears how the path of a peer fares. None of these may throw. */
export interface PathListener {
    /** The path broke, and will be opened again. */
    readonly dropped: (error: SseScError) => void;
    /**
     * The path is open again.
     * @param missed true if what was notified in the meantime is lost: each subscription was made anew or refused. Else nothing is
     */
    readonly restored: (missed: boolean) => void;
    /** The path is gone for good; what waited has failed, subscriptions have ended. */
    readonly closed: (error: SseScError) => void;
}

/** What a peer does with what comes in, and how long it waits. Times in milliseconds. */
export interface PeerOptions {
    /** Answers requests that come in. Without it they fail with `UNKNOWN_THING`. */
    readonly onRequest?: RequestHandler;
    /** Whose answer it is: the `senderID` of the response. Default: that of a server's own Things, which is empty. */
    readonly answersAs?: (request: RequestMessage) => string;
    /** Hears every notification that comes in, in the order of arrival. */
    readonly onNotification?: (notification: NotificationMessage) => void;
    /** Milliseconds until a request fails; 0 waits without limit. Default 60,000. */
    readonly requestTimeout?: number;
    /** Hears what a listener of the application threw; such errors harm nobody else. Default: dropped. */
    readonly onListenerError?: (error: unknown) => void;
    /** Hears how the path fares. */
    readonly path?: PathListener | undefined;
}

/** The symmetric end point on a channel. */
export class Peer extends PeerOperations {
    readonly #channel: Channel;
    readonly #options: PeerOptions;
    readonly #pending = new PendingRequests();
    readonly #subscriptions: PeerSubscriptions;
    #answering = 0;
    /** Something was missed, and the subscriptions are not all there again. */
    #renewing = false;

    constructor(channel: Channel, options: PeerOptions = {}) {
        super();
        this.#channel = channel;
        this.#options = options;
        this.#subscriptions = new PeerSubscriptions(
            (init, query, isRenewal) => this.#request(init, query === undefined ? {} : { query }, !isRenewal),
            (error) => options.onListenerError?.(error),
            () => {
                this.#renewing = false;
                options.path?.restored(true);
            }
        );
        const receiver: ChannelReceiver = {
            reopened: () => {
                this.#subscriptions.drop(); // renewals of an earlier time
                this.#renewing = true;
                this.#pending.giveUp(undefined);
                this.#pending.repeat();
                this.#subscriptions.renew();
            },
            resumed: () => {
                if (!this.#renewing) options.path?.restored(false); // else it tells when all is made anew
            },
            received: (message, context) => {
                this.#receive(message, context);
            },
            dropped: (error, mayResume) => {
                this.#pending.doubt();
                if (mayResume !== true) {
                    this.#subscriptions.drop();
                    this.#pending.giveUp(error);
                }
                options.path?.dropped(error);
            },
            closed: (error) => {
                this.#pending.rejectAll((request, sent) =>
                    sent ? unknownOutcome(request, "CONNECTION_LOST", error) : error
                );
                this.#subscriptions.fail(error);
                options.path?.closed(error);
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
    override request(init: NewRequest, options: RequestOptions = {}): Promise<ResponseMessage> {
        return this.#request(init, options, true);
    }

    /** @param repeats sends it again where the other side has forgotten it and that does no harm; else it fails then */
    async #request(init: NewRequest, options: RequestOptions, repeats: boolean): Promise<ResponseMessage> {
        const request = createRequest(init);
        const { onProgress, signal } = options;
        const query = toQuery(options);
        let sending: Promise<void> | undefined;
        const response = this.#pending.add(request, {
            timeout: options.timeout ?? this.#options.requestTimeout ?? DEFAULT_REQUEST_TIMEOUT,
            signal,
            onProgress:
                onProgress === undefined
                    ? undefined
                    : (notification) => {
                          this.#guard(() => {
                              onProgress(progressValue(notification));
                          });
                      },
            repeat: repeats
                ? () => {
                      sending = this.#sendRequest(request, { signal, query });
                  }
                : undefined,
            onAbandoned: () => {
                if (request.operation === "invokeaction") void this.#cancel(request, sending);
            },
        });
        if (this.#pending.has(request.correlationId)) {
            sending = this.#sendRequest(request, { signal, query }, options.onTaken);
        }
        return response;
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
        options: SubscribeOptions = {}
    ): Promise<SubscriptionHandle> {
        const { affordance, subscription } = operationInfo(operation);
        if (affordance === undefined || subscription !== "start") throw new SseScError("UNKNOWN_OPERATION");
        const topic = { affordance, thingId, name };
        return this.#subscriptions.add(operation, topic, handlers, toQuery(options), options.signal);
    }

    /** Never rejects: what goes wrong fails the request. */
    async #sendRequest(request: RequestMessage, options: SendOptions, onTaken?: () => void): Promise<void> {
        const id = request.correlationId;
        const isWanted = (): boolean => this.#pending.leaves(id);
        const onNotTaken = (): void => {
            this.#pending.stays(id);
        };
        let sending: Promise<void> | undefined;
        try {
            sending = this.#channel.send(request, { ...options, isWanted, onNotTaken });
        } catch (error) {
            this.#pending.reject(id, toSseScError(error, "INVALID_INPUT"));
            return;
        }
        try {
            if (sending === undefined) this.#pending.leaves(id);
            else await sending;
        } catch (error) {
            this.#pending.reject(id, toSseScError(error, "CONNECTION_LOST"));
            return;
        }
        if (onTaken !== undefined) this.#guard(onTaken);
    }

    /** An invocation whose caller gave up is cancelled; whether that works is nobody's concern any more. */
    async #cancel({ thingId, name, correlationId }: RequestMessage, sending: Promise<void> | undefined): Promise<void> {
        await sending; // or the cancellation might overtake the invocation
        await this.cancelAction(thingId, name, correlationId).catch(() => undefined);
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
            this.#pending.progress(notification, actionIdOf(notification));
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
        }
        const senderId = this.#options.answersAs?.(request) ?? "";
        try {
            await this.#channel.send(senderId === "" ? response : { ...response, senderId });
        } catch {
            // The asker is gone, or its path is: nobody is left to tell.
        } finally {
            this.#answering--;
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

/** The progress itself: the output inside the status. */
export function progressValue({ value }: NotificationMessage): unknown {
    return isMessage(value, "response") ? value.output : value;
}
