/** Who hears what on one server: the subscriptions of its callers, and the way of notifications to them. */
import type { Identity } from "../lib/identity";
import { SseScError } from "../lib/errors";
import type { NotificationMessage } from "../lib/messages";
import { SubscriptionIndex, type Topic } from "../lib/subscriptions";
import { SharedFrames } from "./http/shared-frames";

/** Somebody who asks for things and hears of things: a session, or a script in this process. */
export interface Caller {
    readonly identity: Identity;
    /** Takes a message that others get too. Must not throw. */
    notify(frames: SharedFrames): void;
}

/** What subscribers need to know. */
export interface SubscribersOptions {
    /** Subscriptions that one caller may have. */
    readonly maxSubscriptions: number;
    /** Hears of what a dialect cannot say. */
    readonly onError: (what: string, error: unknown) => void;
}

/** Progress of one invocation, and the caller who made it. */
export interface CallersProgress {
    readonly caller: Caller;
    readonly progress: NotificationMessage;
}

/** The subscriptions of one server. A notification is encoded once per dialect, whatever the number of subscribers. */
export class Subscribers {
    readonly #index = new SubscriptionIndex<Caller>();

    constructor(private readonly options: SubscribersOptions) {}

    /** Callers that are subscribed to something. */
    get size(): number {
        return this.#index.size;
    }

    /** Subscriptions of one caller. */
    count(caller: Caller): number {
        return this.#index.count(caller);
    }

    /** True if anybody would hear of this. */
    hasMatch(topic: Topic): boolean {
        return this.#index.hasMatch(topic);
    }

    /**
     * Adds a subscription.
     * @returns false if it stands already
     * @throws SseScError TOO_MANY_SUBSCRIPTIONS
     */
    add(caller: Caller, topic: Topic): boolean {
        if (this.#index.has(caller, topic)) return false;
        if (this.#index.count(caller) >= this.options.maxSubscriptions) throw new SseScError("TOO_MANY_SUBSCRIPTIONS");
        this.#index.add(caller, topic);
        return true;
    }

    /** Takes back one that `add` has just added. */
    delete(caller: Caller, topic: Topic): void {
        this.#index.delete(caller, topic);
    }

    /** Ends the subscriptions that a stop operation means. @returns true if there were any */
    deleteWithin(caller: Caller, topic: Topic): boolean {
        return this.#index.deleteWithin(caller, topic);
    }

    /** Ends all subscriptions of a caller who leaves. */
    deleteAll(caller: Caller): void {
        this.#index.deleteAll(caller);
    }

    /** Tells all who are subscribed to it. */
    publish(notification: NotificationMessage): void {
        const frames = this.#framesOf(notification);
        this.#index.forEachMatch(notification, (caller) => {
            caller.notify(frames);
        });
    }

    /**
     * Tells of the progress of an action: each caller of his own invocation, and all others who observe the action. Who is both
     * hears it once.
     * @param forObservers default: that of the first caller
     */
    publishProgress(callers: readonly CallersProgress[], forObservers = callers[0]?.progress): void {
        let shared: SharedFrames | undefined;
        const told = new Set<Caller>();
        for (const { caller, progress } of callers) {
            const frames = this.#framesOf(progress);
            if (progress === forObservers) shared = frames;
            caller.notify(frames);
            told.add(caller);
        }
        if (forObservers === undefined) return;
        const frames = shared ?? this.#framesOf(forObservers);
        this.#index.forEachMatch(forObservers, (caller) => {
            if (!told.has(caller)) caller.notify(frames);
        });
    }

    #framesOf(notification: NotificationMessage): SharedFrames {
        return new SharedFrames(notification, this.options.onError);
    }
}
