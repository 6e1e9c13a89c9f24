/**
 * Turns what ExposedThings emit into notifications: one node-wot listener per affordance, whatever the number of subscribers.
 *
 * Core hands the same Content to all listeners of a form, and its stream can be read once only (node-wot.md), so each listener
 * reads it at once. Reading takes a few ticks; one chain per Thing keeps the order in which core handed them over.
 */
import type { Content, ExposedThing } from "@node-wot/core";
import { SseScError, toSseScError } from "../../lib/errors";
import { createNotification, type NotificationMessage } from "../../lib/messages";
import type { Topic } from "../../lib/subscriptions";
import { contentToValue } from "./content";
import { affordancesOf, requireAffordance, type ExposedThings } from "./exposed-things";
import { forEachAffordance } from "./forms";
import { mayHaveSubscribeHandler } from "./subscribe-handlers";

/** One listener of ours in core. */
interface Listening {
    readonly thing: ExposedThing;
    readonly kind: "property" | "event";
    readonly name: string;
    readonly formIndex: number;
    readonly listener: (content: Content) => void;
    /** Settles when the application's subscribe handler has; rejects with what it threw. */
    readonly ready: Promise<void>;
}

/** Hears the events and property changes of the Things of one server. */
export class Notifier {
    readonly #listening = new Map<ExposedThing, Map<string, Listening>>();
    /** Those that stand only while somebody is subscribed. */
    readonly #onDemand = new Set<Listening>();
    readonly #latest = new Map<string, Map<string, NotificationMessage>>();
    readonly #chains = new Map<ExposedThing, Promise<void>>();

    /**
     * @param things the Things of the server
     * @param isWanted tells whether somebody is subscribed to a topic
     * @param publish gets each notification, in order
     * @param onError hears of content that cannot be read; nothing is published for it
     */
    constructor(
        private readonly things: ExposedThings,
        private readonly isWanted: (topic: Topic) => boolean,
        private readonly publish: (notification: NotificationMessage) => void,
        private readonly onError: (error: unknown) => void
    ) {}

    /** Number of listeners in core. */
    get listenerCount(): number {
        let count = 0;
        for (const listeners of this.#listening.values()) count += listeners.size;
        return count;
    }

    /** The latest event of that name. */
    latest(thingId: string, name: string): NotificationMessage | undefined {
        return this.#latest.get(thingId)?.get(name);
    }

    /**
     * Starts to listen to a Thing where that disturbs nobody or somebody waits for it already.
     * What the application's subscribe handlers reject is reported to `onError`.
     */
    add(thing: ExposedThing): void {
        forEachAffordance(thing, (kind, name, affordance) => {
            if (kind === "action" || (kind === "property" && affordance["observable"] !== true)) return;
            const wanted = this.isWanted({ affordance: kind, thingId: thing.id, name });
            if (!wanted && mayHaveSubscribeHandler(thing, kind, name)) return;
            this.#listen(thing, kind, name).catch(this.onError);
        });
    }

    /** The Thing was exposed again: its forms are new ones, and ours may have another index. */
    refresh(thing: ExposedThing): void {
        for (const listening of [...(this.#listening.get(thing)?.values() ?? [])]) {
            const affordance = affordancesOf(thing, listening.kind)[listening.name];
            if (affordance === undefined || this.things.formIndex(affordance) !== listening.formIndex)
                this.#drop(listening);
        }
        this.add(thing);
    }

    /** Resolves when everything that a Thing has emitted so far is published. */
    async published(thing: ExposedThing): Promise<void> {
        await this.#chains.get(thing);
    }

    /** Stops listening to a Thing. */
    remove(thing: ExposedThing): void {
        for (const listening of [...(this.#listening.get(thing)?.values() ?? [])]) this.#drop(listening);
        this.#listening.delete(thing);
        this.#latest.delete(thing.id);
        this.#chains.delete(thing);
    }

    /** Stops listening to all Things. */
    removeAll(): void {
        for (const thing of [...this.#listening.keys()]) this.remove(thing);
    }

    /**
     * Checks that a topic means something that can be subscribed to.
     * @throws SseScError UNKNOWN_THING, UNKNOWN_AFFORDANCE, NOT_OBSERVABLE
     */
    check({ affordance: kind, thingId, name }: Topic): void {
        if (thingId === "") return;
        const thing = this.things.require(thingId);
        if (name === "") return;
        const affordance = requireAffordance(thing, kind, name);
        if (kind === "property" && affordance["observable"] !== true) throw new SseScError("NOT_OBSERVABLE");
    }

    /**
     * Sees to it that a subscription to this topic will be served.
     * @throws what `check` throws; HANDLER_FAILED if the application refuses
     */
    async require(topic: Topic): Promise<void> {
        this.check(topic);
        if (topic.thingId === "") {
            // A Thing that refuses must not keep its neighbours from a subscriber to everything.
            for (const thing of this.things.values()) this.#listenWithin(thing, topic).catch(this.onError);
        } else await this.#listenWithin(this.things.require(topic.thingId), topic);
    }

    /** Stops listening where only subscribers kept us listening and none is left. */
    release(): void {
        for (const listening of this.#onDemand) {
            const { thing, kind, name } = listening;
            if (!this.isWanted({ affordance: kind, thingId: thing.id, name })) this.#drop(listening);
        }
    }

    async #listenWithin(thing: ExposedThing, { affordance: kind, name }: Topic): Promise<void> {
        if (kind === "action") return;
        const starting: Promise<void>[] = [];
        forEachAffordance(thing, (otherKind, otherName, affordance) => {
            if (otherKind !== kind || (name !== "" && name !== otherName)) return;
            if (kind === "property" && affordance["observable"] !== true) return;
            starting.push(this.#listen(thing, kind, otherName));
        });
        await Promise.all(starting);
    }

    async #listen(thing: ExposedThing, kind: "property" | "event", name: string): Promise<void> {
        let listeners = this.#listening.get(thing);
        if (listeners === undefined) this.#listening.set(thing, (listeners = new Map<string, Listening>()));
        const key = `${kind}/${name}`;
        const standing = listeners.get(key);
        if (standing !== undefined) return standing.ready;

        const affordance = requireAffordance(thing, kind, name);
        const formIndex = this.things.formIndex(affordance);
        const contentType = this.things.contentType(affordance);
        const listener = (content: Content): void => {
            this.#enqueue(thing, kind, name, contentToValue(content, contentType));
        };
        const ready =
            kind === "event"
                ? thing.handleSubscribeEvent(name, listener, { formIndex })
                : thing.handleObserveProperty(name, listener, { formIndex });
        const listening: Listening = { thing, kind, name, formIndex, listener, ready };
        listeners.set(key, listening);
        if (mayHaveSubscribeHandler(thing, kind, name)) this.#onDemand.add(listening);
        try {
            await ready;
        } catch (cause) {
            this.#drop(listening); // core leaves the listener registered when a subscribe handler rejects (node-wot.md)
            throw toSseScError(cause, "HANDLER_FAILED");
        }
    }

    #drop(listening: Listening): void {
        const { thing, kind, name } = listening;
        this.#onDemand.delete(listening);
        if (this.#listening.get(thing)?.get(`${kind}/${name}`) === listening) {
            this.#listening.get(thing)?.delete(`${kind}/${name}`);
        }
        unlisten(listening);
    }

    #enqueue(thing: ExposedThing, kind: "property" | "event", name: string, reading: Promise<unknown>): void {
        reading.catch(() => undefined); // reported when its turn comes; until then it must not count as unhandled
        const before = this.#chains.get(thing) ?? Promise.resolve();
        const turn = before.then(async () => {
            try {
                const value = await reading;
                if (!this.#listening.has(thing)) return; // removed meanwhile
                this.#emit(
                    createNotification({ affordance: kind, thingId: thing.id, name, value, senderId: thing.id })
                );
            } catch (error) {
                this.onError(error);
            }
        });
        this.#chains.set(thing, turn);
    }

    #emit(notification: NotificationMessage): void {
        if (notification.affordance === "event") {
            let latest = this.#latest.get(notification.thingId);
            if (latest === undefined)
                this.#latest.set(notification.thingId, (latest = new Map<string, NotificationMessage>()));
            latest.set(notification.name, notification);
        }
        this.publish(notification);
    }
}

function unlisten({ thing, kind, name, formIndex, listener }: Listening): void {
    try {
        if (kind === "event") thing.handleUnsubscribeEvent(name, listener, { formIndex });
        else thing.handleUnobserveProperty(name, listener, { formIndex });
    } catch {
        // Core throws when the listener or the form is gone: that is what was wanted.
    }
}
