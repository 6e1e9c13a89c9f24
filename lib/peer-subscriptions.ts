/** The subscriptions that a peer has with the other side: shared per topic, made anew after a reconnect. */
import { SseScError, toSseScError, type ErrorCode } from "./errors";
import { isRecord } from "./json";
import { createNotification, type NotificationMessage, type NewRequest, type ResponseMessage } from "./messages";
import type { Operation } from "./operations";
import { SubscriptionIndex, topicKey, type Topic } from "./subscriptions";

/** What a subscriber hears. */
export interface SubscriptionHandlers {
    /** Called with each notification, in the order of arrival. */
    readonly onNotification: (notification: NotificationMessage) => void;
    /** Called once when the subscription ended for good: refused after a reconnect, or the connection was given up. */
    readonly onError?: ((error: SseScError) => void) | undefined;
}

/** One subscription of the application. */
export interface SubscriptionHandle {
    /** Ends the subscription; never rejects, and ending it again does nothing. */
    stop(): Promise<void>;
}

/** Failures of a renewal that the next drop and renewal put right. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["CONNECTION_LOST", "CONNECT_FAILED", "NO_SESSION"]);

/** Milliseconds for which a renewed subscription waits for its Thing: a hub may have started before its agents have found back. */
const PATIENCE = 60_000;
/** Milliseconds between two such attempts; the first pause, doubled up to the longest. */
const PAUSE = { first: 50, longest: 2_000 } as const;

/** Renewals under way at once: a server takes only so many open requests of one connection. */
const RENEWALS_AT_ONCE = 50;

/** One subscription on the wire, with all those of the application that share it. */
interface Shared {
    readonly operation: Operation;
    readonly topic: Topic;
    /** uriVariables of the one who came first; those who join share them. */
    readonly query: string | undefined;
    readonly listeners: Set<SubscriptionHandlers>;
    /** Settles when the other side has acknowledged. */
    ready: Promise<unknown>;
    /** While properties are read again: names of those that were notified since. */
    notified?: Set<string> | undefined;
}

/** The subscriptions of one peer. */
export class PeerSubscriptions {
    readonly #shared = new Map<string, Shared>();
    /** Stop requests under way: a new subscription to the same topic must not overtake them. */
    readonly #stopping = new Map<string, Promise<void>>();
    readonly #index = new SubscriptionIndex<Shared>();
    /** Number of the renewal: a later one makes those of the one before void. */
    #generation = 0;
    #down = false;
    /** Runs while subscriptions wait for their Things. */
    #retry: ReturnType<typeof setTimeout> | undefined;

    constructor(
        /** With `isRenewal` the request fails when the path breaks: the next renewal makes up for it. */
        private readonly request: (init: NewRequest, query?: string, isRenewal?: boolean) => Promise<ResponseMessage>,
        private readonly onListenerError: (error: unknown) => void,
        private readonly onRenewed: () => void = () => undefined
    ) {}

    /** Number of subscriptions on the wire. */
    get size(): number {
        return this.#shared.size;
    }

    /**
     * Starts a subscription, or joins the one that stands.
     * @param signal gives up while it waits to be acknowledged
     * @throws SseScError if the other side refuses it; ABORTED
     */
    async add(
        operation: Operation,
        topic: Topic,
        handlers: SubscriptionHandlers,
        query?: string,
        signal?: AbortSignal
    ): Promise<SubscriptionHandle> {
        throwIfAborted(signal);
        const key = topicKey(topic);
        const listener = { ...handlers }; // the same handlers may be given twice
        let shared = this.#shared.get(key);
        if (shared !== undefined) shared.listeners.add(listener);
        else {
            // It stands in the index before it is acknowledged: the first notification may overtake the acknowledgement.
            shared = { operation, topic, query, listeners: new Set([listener]), ready: Promise.resolve() };
            this.#shared.set(key, shared);
            this.#index.add(shared, topic);
            const starting = shared;
            const stopping = this.#stopping.get(key);
            const start = (): Promise<unknown> => this.#start(starting, false);
            shared.ready = stopping === undefined ? start() : stopping.then(start);
        }
        const standing = shared;
        try {
            await (signal === undefined ? standing.ready : orAborted(standing.ready, signal));
        } catch (error) {
            // It may be acknowledged yet, and must not be overtaken by its end.
            if (signal?.aborted === true) void this.#stop(standing, listener, standing.ready);
            shared.listeners.delete(listener);
            // Others may stand on it from before a drop: only the last one out takes it down.
            if (shared.listeners.size === 0) this.#forget(shared);
            throw error;
        }
        return { stop: () => this.#stop(standing, listener) };
    }

    /** The path is down: what is stopped meanwhile has been forgotten by the other side already. */
    drop(): void {
        this.#down = true;
        clearTimeout(this.#retry);
    }

    /**
     * Makes all subscriptions anew, because the other side has forgotten them, and tells when it has answered for each. Those whose
     * Thing it does not know (yet) are tried again for a minute.
     */
    renew(): void {
        this.#down = false;
        clearTimeout(this.#retry);
        const generation = ++this.#generation;
        const renewals = this.#renewEach([...this.#shared.values()], generation, Date.now() + PATIENCE, PAUSE.first);
        void renewals.then(() => {
            if (this.#isCurrent(generation)) this.onRenewed();
        });
    }

    /** Ends all subscriptions with an error. */
    fail(error: SseScError): void {
        clearTimeout(this.#retry);
        for (const shared of [...this.#shared.values()]) this.#end(shared, error);
    }

    /** Hands a notification to everybody whose topic it matches. */
    deliver(notification: NotificationMessage): void {
        this.#index.forEachMatch(notification, (shared) => {
            shared.notified?.add(notification.name);
            this.#tell(shared, notification);
        });
    }

    #tell({ listeners }: Shared, notification: NotificationMessage): void {
        for (const listener of listeners) {
            this.#guard(() => {
                listener.onNotification(notification);
            });
        }
    }

    /** Makes subscriptions anew, some at once; settles when the other side has answered for each. */
    async #renewEach(each: readonly Shared[], generation: number, until: number, pause: number): Promise<void> {
        let last: Promise<unknown>[] = [];
        let next: Promise<unknown>[] = [];
        const all: Promise<unknown>[] = [];
        const unknown: Shared[] = [];
        for (const shared of each) {
            const before = last;
            shared.ready =
                before.length === 0 ? this.#start(shared, true) : this.#startAfter(before, shared, generation);
            shared.ready.catch((error: unknown) => {
                const cause = toSseScError(error, "CONNECTION_LOST");
                if (cause.code === "UNKNOWN_THING" && Date.now() < until) unknown.push(shared);
                else if (!TRANSIENT.has(cause.code)) this.#end(shared, cause);
            });
            all.push(shared.ready);
            void shared.ready.then(() => this.#reread(shared)).catch(() => undefined);
            next.push(shared.ready);
            if (next.length >= RENEWALS_AT_ONCE) [last, next] = [next, []];
        }
        await Promise.allSettled(all);
        if (unknown.length === 0 || !this.#isCurrent(generation)) return;
        this.#retry = setTimeout(() => {
            const standing = unknown.filter((shared) => this.#shared.get(topicKey(shared.topic)) === shared);
            void this.#renewEach(standing, generation, until, Math.min(2 * pause, PAUSE.longest));
        }, pause);
    }

    /** Changes of properties that were missed are made up for by their present values; a value that cannot be read is left out. */
    async #reread(shared: Shared): Promise<void> {
        const { topic, query } = shared;
        const { affordance, thingId, name } = topic;
        if (affordance !== "property" || thingId === "") return;
        const operation = name === "" ? "readallproperties" : "readproperty";
        const notified = (shared.notified = new Set<string>());
        try {
            const { output } = await this.request({ operation, thingId, name }, query, true);
            if (shared.notified !== notified) return; // it is being read yet again
            const values = name === "" ? (isRecord(output) ? Object.entries(output) : []) : [[name, output] as const];
            for (const [property, value] of values) {
                // A change that came first is newer; what has no value yet is none.
                if (value === undefined || notified.has(property)) continue;
                this.#tell(shared, createNotification({ affordance: "property", thingId, name: property, value }));
            }
        } finally {
            if (shared.notified === notified) shared.notified = undefined;
        }
    }

    #isCurrent(generation: number): boolean {
        return generation === this.#generation && !this.#down;
    }

    #start({ operation, topic, query }: Shared, isRenewal: boolean): Promise<ResponseMessage> {
        return this.request({ operation, thingId: topic.thingId, name: topic.name }, query, isRenewal);
    }

    /** Waits for the batch before; a drop in the meantime starts a renewal of its own. */
    async #startAfter(before: Promise<unknown>[], shared: Shared, generation: number): Promise<unknown> {
        await Promise.allSettled(before);
        if (generation !== this.#generation) throw new SseScError("CONNECTION_LOST");
        if (this.#shared.get(topicKey(shared.topic)) !== shared) return undefined; // ended while it waited
        return this.#start(shared, true);
    }

    async #stop(shared: Shared, listener: SubscriptionHandlers, after?: Promise<unknown>): Promise<void> {
        if (!shared.listeners.delete(listener) || shared.listeners.size > 0) return;
        if (!this.#forget(shared) || this.#down) return;
        const { thingId, name } = shared.topic;
        const key = topicKey(shared.topic);
        const end = (): Promise<unknown> => this.request({ operation: `un${shared.operation}`, thingId, name });
        const stopping = (after === undefined ? end() : after.then(end)).then(
            () => undefined,
            () => undefined // a path that is gone took the subscription with it, and nobody listens any more
        );
        this.#stopping.set(key, stopping);
        await stopping;
        if (this.#stopping.get(key) === stopping) this.#stopping.delete(key);
        // "Unsubscribe all" ends single subscriptions on the other side too (protocol.md): those that stand are made anew.
        if (thingId === "" || name === "") this.#renewWithin(shared.topic);
    }

    #renewWithin(topic: Topic): void {
        for (const shared of this.#shared.values()) {
            const { affordance, thingId } = shared.topic;
            if (affordance !== topic.affordance || (topic.thingId !== "" && thingId !== topic.thingId)) continue;
            this.#start(shared, true).catch(() => undefined); // a refusal shows at the next renewal
        }
    }

    #end(shared: Shared, error: SseScError): void {
        if (!this.#forget(shared)) return;
        for (const listener of shared.listeners) {
            this.#guard(() => listener.onError?.(error));
        }
        shared.listeners.clear();
    }

    #forget(shared: Shared): boolean {
        const key = topicKey(shared.topic);
        if (this.#shared.get(key) !== shared) return false;
        this.#shared.delete(key);
        this.#index.deleteAll(shared);
        return true;
    }

    #guard(call: () => void): void {
        try {
            call();
        } catch (error) {
            this.onListenerError(error);
        }
    }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
    if (signal?.aborted === true) throw new SseScError("ABORTED", undefined, { cause: signal.reason });
}

/** Waits as long as the signal allows. @throws SseScError ABORTED */
function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
        const abort = (): void => {
            reject(new SseScError("ABORTED", undefined, { cause: signal.reason }));
        };
        signal.addEventListener("abort", abort, { once: true });
        promise.then(resolve, reject).finally(() => {
            signal.removeEventListener("abort", abort);
        });
    });
}
