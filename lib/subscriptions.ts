/**
 * Index of subscriptions: who wants to hear of what.
 *
 * A lookup touches four sets (this affordance, all of this Thing, this name of all Things, everything), so that its cost does
 * not depend on how many others are subscribed to something else.
 */
import type { AffordanceType } from "./operations";

/** What a subscription selects. An empty `thingId` or `name` selects all. */
export interface Topic {
    readonly affordance: AffordanceType;
    readonly thingId: string;
    readonly name: string;
}

/** The topic as a text that can be the key of a map. */
export function topicKey({ affordance, thingId, name }: Topic): string {
    return JSON.stringify([affordance, thingId, name]);
}

interface Entry<S> {
    readonly topic: Topic;
    readonly subscribers: Set<S>;
}

/** Index (kind, thing, name) → subscribers, with wildcards. Subscribing twice is the same as once. */
export class SubscriptionIndex<S> {
    readonly #entries = new Map<string, Entry<S>>();
    /** Topics of each subscriber, so that one who leaves costs only what it had. */
    readonly #topics = new Map<S, Set<string>>();

    /** Number of subscriptions of one subscriber. */
    count(subscriber: S): number {
        return this.#topics.get(subscriber)?.size ?? 0;
    }

    /** Number of subscribers that have at least one subscription. */
    get size(): number {
        return this.#topics.size;
    }

    has(subscriber: S, topic: Topic): boolean {
        return this.#topics.get(subscriber)?.has(topicKey(topic)) ?? false;
    }

    add(subscriber: S, topic: Topic): void {
        const key = topicKey(topic);
        let entry = this.#entries.get(key);
        if (entry === undefined) this.#entries.set(key, (entry = { topic, subscribers: new Set() }));
        entry.subscribers.add(subscriber);
        let topics = this.#topics.get(subscriber);
        if (topics === undefined) this.#topics.set(subscriber, (topics = new Set()));
        topics.add(key);
    }

    /** Ends one subscription; one that is not there is no error. */
    delete(subscriber: S, topic: Topic): void {
        this.#deleteKey(subscriber, topicKey(topic));
    }

    /**
     * Ends the subscriptions that a stop operation means: those within `topic`, single ones included when it selects all
     * (protocol.md, "Envelopes": "Unsubscribe all" ends single ones too).
     * @returns true if there were any
     */
    deleteWithin(subscriber: S, topic: Topic): boolean {
        const before = this.count(subscriber);
        for (const key of [...(this.#topics.get(subscriber) ?? [])]) {
            const entry = this.#entries.get(key);
            if (entry !== undefined && isWithin(entry.topic, topic)) this.#deleteKey(subscriber, key);
        }
        return this.count(subscriber) < before;
    }

    /** Ends all subscriptions of one who leaves. */
    deleteAll(subscriber: S): void {
        for (const key of [...(this.#topics.get(subscriber) ?? [])]) this.#deleteKey(subscriber, key);
    }

    /** Calls `visit` once for each subscriber that has a subscription to this affordance, in no particular order. */
    forEachMatch(topic: Topic, visit: (subscriber: S) => void): void {
        const sets = this.#matching(topic);
        if (sets.length === 1) {
            sets[0]?.forEach(visit); // the common case needs no set of those already seen
            return;
        }
        const seen = new Set<S>();
        for (const set of sets) {
            for (const subscriber of set) {
                if (seen.has(subscriber)) continue;
                seen.add(subscriber);
                visit(subscriber);
            }
        }
    }

    /** True if anybody would hear of this affordance. */
    hasMatch(topic: Topic): boolean {
        return this.#matching(topic).length > 0;
    }

    #matching({ affordance, thingId, name }: Topic): Set<S>[] {
        const sets: Set<S>[] = [];
        for (const thing of thingId === "" ? [""] : [thingId, ""]) {
            for (const affordanceName of name === "" ? [""] : [name, ""]) {
                const entry = this.#entries.get(topicKey({ affordance, thingId: thing, name: affordanceName }));
                if (entry !== undefined) sets.push(entry.subscribers);
            }
        }
        return sets;
    }

    #deleteKey(subscriber: S, key: string): void {
        const entry = this.#entries.get(key);
        if (entry?.subscribers.delete(subscriber) === true && entry.subscribers.size === 0) this.#entries.delete(key);
        const topics = this.#topics.get(subscriber);
        if (topics?.delete(key) === true && topics.size === 0) this.#topics.delete(subscriber);
    }
}

function isWithin(topic: Topic, outer: Topic): boolean {
    return (
        topic.affordance === outer.affordance &&
        (outer.thingId === "" || outer.thingId === topic.thingId) &&
        (outer.name === "" || outer.name === topic.name)
    );
}
