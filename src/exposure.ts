/** What a server does for its clients: carries out their requests on its Things, and tells subscribers what happens. */
import type { ExposedThing } from "@node-wot/core";
import type { MessageContext } from "../lib/channel";
import { SseScError, toSseScError } from "../lib/errors";
import { createProgress, type RequestMessage } from "../lib/messages";
import { isOperation, operationInfo, type Operation } from "../lib/operations";
import type { Topic } from "../lib/subscriptions";
import { Subscribers, type Caller, type SubscribersOptions } from "./subscribers";
import { Dispatcher } from "./things/dispatcher";
import { ExposedThings } from "./things/exposed-things";
import { Notifier } from "./things/notifier";

/** What an exposure needs to know. */
export interface ExposureOptions extends SubscribersOptions {
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    /** Hears of what went wrong in the application, of which clients are told nothing, or no more than that. */
    readonly onError: (what: string, error: unknown) => void;
}

/** The Things of one server, as its callers use them. */
export class Exposure {
    readonly things = new ExposedThings();
    readonly #notifier: Notifier;
    readonly #dispatcher: Dispatcher;

    /** @param subscribers who hears; theirs may be other Things too */
    constructor(
        private readonly options: ExposureOptions,
        readonly subscribers = new Subscribers(options)
    ) {
        this.#notifier = new Notifier(
            this.things,
            (topic) => subscribers.hasMatch(topic),
            (notification) => {
                subscribers.publish(notification);
            },
            (error) => {
                options.onError("a notification", error);
            }
        );
        this.#dispatcher = new Dispatcher(this.things, this.#notifier);
    }

    /** Listeners that we have in node-wot. */
    get listeners(): number {
        return this.#notifier.listenerCount;
    }

    /** Starts to hear a Thing whose forms are in place. Subscriptions to a Thing of that id from earlier revive. */
    add(thing: ExposedThing): void {
        this.#notifier.refresh(thing);
    }

    /** Stops hearing a Thing; its running actions are cancelled. */
    remove(thing: ExposedThing): void {
        this.#notifier.remove(thing);
        this.#dispatcher.invocations.forget(thing.id);
    }

    /** Stops hearing all Things. */
    clear(): void {
        this.#notifier.removeAll();
        this.#dispatcher.invocations.forgetAll();
    }

    /** A caller left: it hears nothing more. Its actions run on; who asks for them later may query them. */
    closed(caller: Caller): void {
        this.subscribers.deleteAll(caller);
        this.#notifier.release();
    }

    /**
     * Carries out a request.
     * @returns the output of the response
     * @throws SseScError UNKNOWN_OPERATION, FORBIDDEN, TOO_MANY_SUBSCRIPTIONS, and what dispatcher and notifier throw
     */
    async handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { operation } = request;
        if (!isOperation(operation)) throw new SseScError("UNKNOWN_OPERATION");
        const { role } = context.identity ?? caller.identity;
        if (!this.options.mayPerform(role, operation)) throw new SseScError("FORBIDDEN");
        const { affordance, scope, subscription } = operationInfo(operation);
        if (affordance !== undefined && subscription !== undefined) {
            const topic: Topic = { affordance, thingId: request.thingId, name: scope === "one" ? request.name : "" };
            if (subscription === "start") await this.#subscribe(caller, topic);
            else this.#unsubscribe(caller, topic);
            return undefined;
        }
        try {
            return await this.#dispatcher.dispatch(operation, request, {
                query: context.query ?? "",
                onProgress: (value) => {
                    this.subscribers.publishProgress([{ caller, progress: createProgress(request, value) }]);
                },
            });
        } catch (error) {
            if (toSseScError(error).status >= 500) this.options.onError(`${operation} ${request.name}`, error);
            throw error;
        }
    }

    async #subscribe(caller: Caller, topic: Topic): Promise<void> {
        // It counts before the application's handler has agreed: a caller that leaves meanwhile takes it along.
        if (!this.subscribers.add(caller, topic)) return;
        try {
            await this.#notifier.require(topic);
        } catch (error) {
            this.subscribers.delete(caller, topic);
            throw error;
        }
    }

    /** Works for Things that are gone; without a subscription it tells what is wrong with the target. */
    #unsubscribe(caller: Caller, topic: Topic): void {
        if (this.subscribers.deleteWithin(caller, topic)) this.#notifier.release();
        else this.#notifier.check(topic);
    }
}
