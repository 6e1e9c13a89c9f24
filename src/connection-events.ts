/** The state of a connection and those who want to hear of it. */
import type { SseScError } from "../lib/errors";
import type { PathListener } from "../lib/peer";
import { EventListeners, type Listener } from "./event-listeners";

/** `reconnecting` ends with `connected`, or with `closed`, which is for good. */
export type ConnectionState = "connected" | "reconnecting" | "closed";

/** What a connection tells: the parameters of the listeners, by the name of the event. */
export interface ConnectionEventMap {
    /**
     * The connection is back. Without a gap all that was notified in the meantime follows, or has come already. With one it is lost: every
     * subscription was made anew, was refused, or waits up to a minute for its Thing to come back to a hub. Observed properties are read
     * again by themselves; read here what else must not be missed.
     */
    connected: [back: { readonly gap: boolean }];
    /** The connection broke, and why; it will be tried again until `connected` or `closed`. */
    disconnected: [error: SseScError];
    /** The connection is closed for good: without an error by `close()`, else because the server refuses it, and why. */
    closed: [error: SseScError | undefined];
}

/** The name of an event. */
export type ConnectionEvent = keyof ConnectionEventMap;

/** Hears an event of a connection; it may be async, and what it throws or rejects with harms nobody. */
export type ConnectionListener<E extends ConnectionEvent> = Listener<ConnectionEventMap[E]>;

/** Makes events of what happens to the path. */
export class ConnectionEvents {
    /** What the peer tells. */
    readonly path: PathListener = {
        dropped: (error) => {
            if (this.#state !== "connected") return; // it broke again before it was all back
            this.#state = "reconnecting";
            this.#listeners.emit("disconnected", error);
        },
        restored: (gap) => {
            this.#state = "connected";
            this.#listeners.emit("connected", { gap });
        },
        closed: (error) => {
            this.#state = "closed";
            this.#listeners.emit("closed", this.#wanted ? undefined : error);
            this.#listeners.clear();
        },
    };
    readonly #listeners: EventListeners<ConnectionEventMap>;
    #state: ConnectionState = "connected";
    /** True once the user wants it closed. */
    #wanted = false;

    /** @param onListenerError hears what a listener threw */
    constructor(onListenerError: (error: unknown) => void) {
        this.#listeners = new EventListeners(onListenerError);
    }

    get state(): ConnectionState {
        return this.#state;
    }

    /** What closes now does so by the user's wish. */
    expectClose(): void {
        this.#wanted = true;
    }

    /** The same listener counts once. */
    add<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>, once: boolean): void {
        this.#listeners.add(event, listener, once);
    }

    remove<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>): void {
        this.#listeners.remove(event, listener);
    }
}
