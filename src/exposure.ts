/** What a server does for its clients: carries out their requests on its Things, and tells subscribers what happens. */
import type { ExposedThing } from "@node-wot/core";
import type { MessageContext } from "../lib/channel";
import { SseScError, toSseScError } from "../lib/errors";
import { createProgress, type NotificationMessage, type RequestMessage } from "../lib/messages";
import { isOperation, operationInfo, type Operation } from "../lib/operations";
import { SubscriptionIndex, type Topic } from "../lib/subscriptions";
import { SharedFrames } from "./http/accepted-channel";
import type { Session } from "./http/sessions";
import { Dispatcher } from "./things/dispatcher";
import { ExposedThings } from "./things/exposed-things";
import { Notifier } from "./things/notifier";

/** What an exposure needs to know. */
export interface ExposureOptions {
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    /** Subscriptions that one session may have. */
    readonly maxSubscriptions: number;
    /** Hears of what went wrong in the application, of which clients are told nothing, or no more than that. */
    readonly onError: (what: string, error: unknown) => void;
}

/** The Things of one server, as its sessions use them. */
export class Exposure {
    readonly things = new ExposedThings();
    readonly #subscriptions = new SubscriptionIndex<Session>();
    readonly #notifier: Notifier;
    readonly #dispatcher: Dispatcher;

    constructor(private readonly options: ExposureOptions) {
        this.#notifier = new Notifier(
            this.things,
            (topic) => this.#subscriptions.hasMatch(topic),
            (notification) => {
                this.#publish(notification);
            },
            (error) => {
                options.onError("a notification", error);
            }
        );
        this.#dispatcher = new Dispatcher(this.things, this.#notifier);
    }

    /** Sessions that are subscribed to something. */
    get subscribers(): number {
        return this.#subscriptions.size;
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

    /** A session ended: it hears nothing more. Its actions run on; who asks for them later may query them. */
    closed(session: Session): void {
        this.#subscriptions.deleteAll(session);
        this.#notifier.release();
    }

    /**
     * Carries out a request.
     * @returns the output of the response
     * @throws SseScError UNKNOWN_OPERATION, FORBIDDEN, TOO_MANY_SUBSCRIPTIONS, and what dispatcher and notifier throw
     */
    async handle(session: Session, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { operation } = request;
        if (!isOperation(operation)) throw new SseScError("UNKNOWN_OPERATION");
        const { role } = context.identity ?? session.identity;
        if (!this.options.mayPerform(role, operation)) throw new SseScError("FORBIDDEN");
        const { affordance, scope, subscription } = operationInfo(operation);
        if (affordance !== undefined && subscription !== undefined) {
            const topic: Topic = { affordance, thingId: request.thingId, name: scope === "one" ? request.name : "" };
            if (subscription === "start") await this.#subscribe(session, topic);
            else this.#unsubscribe(session, topic);
            return undefined;
        }
        try {
            return await this.#dispatcher.dispatch(operation, request, {
                query: context.query ?? "",
                onProgress: (value) => {
                    this.#publishProgress(session, createProgress(request, value));
                },
            });
        } catch (error) {
            if (toSseScError(error).status >= 500) this.options.onError(`${operation} ${request.name}`, error);
            throw error;
        }
    }

    async #subscribe(session: Session, topic: Topic): Promise<void> {
        if (this.#subscriptions.has(session, topic)) return;
        if (this.#subscriptions.count(session) >= this.options.maxSubscriptions) {
            throw new SseScError("TOO_MANY_SUBSCRIPTIONS");
        }
        // It counts before the application's handler has agreed: a session that closes meanwhile takes it along.
        this.#subscriptions.add(session, topic);
        try {
            await this.#notifier.require(topic);
        } catch (error) {
            this.#subscriptions.delete(session, topic);
            throw error;
        }
    }

    /** Works for Things that are gone; without a subscription it tells what is wrong with the target. */
    #unsubscribe(session: Session, topic: Topic): void {
        if (this.#subscriptions.deleteWithin(session, topic)) this.#notifier.release();
        else this.#notifier.check(topic);
    }

    #publish(notification: NotificationMessage): void {
        const frames = new SharedFrames(notification, this.options.onError);
        this.#subscriptions.forEachMatch(notification, (session) => {
            session.channel.sendShared(frames);
        });
    }

    /** Progress is for the caller, and for those who observe the action; who is both gets it once. */
    #publishProgress(caller: Session, progress: NotificationMessage): void {
        const frames = new SharedFrames(progress, this.options.onError);
        caller.channel.sendShared(frames);
        this.#subscriptions.forEachMatch(progress, (session) => {
            if (session !== caller) session.channel.sendShared(frames);
        });
    }
}
