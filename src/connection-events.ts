/** The state of a connection and those who want to hear of it. */
import type { SseScError } from "../lib/errors";
import type { PathListener } from "../lib/peer";

/** `reconnecting` ends with `connected`, or with `closed`, which is for good. */
export type ConnectionState = "connected" | "reconnecting" | "closed";

/** What a connection tells: the parameters of the listeners, by the name of the event. */
export interface ConnectionEventMap {
    /**
     * The connection is back, and every subscription was made anew or refused. What was notified in the meantime is lost: read
     * here what must not be missed.
     */
    connected: [];
    /** The connection broke, and why; it will be tried again until `connected` or `closed`. */
    disconnected: [error: SseScError];
    /** The connection is closed for good: without an error by `close()`, else because the server refuses it, and why. */
    closed: [error: SseScError | undefined];
}

/** The name of an event. */
export type ConnectionEvent = keyof ConnectionEventMap;

/** Hears an event of a connection; it may be async, and what it throws or rejects with harms nobody. */
export type ConnectionListener<E extends ConnectionEvent> = (...parameters: ConnectionEventMap[E]) => unknown;

type Listeners = { readonly [E in ConnectionEvent]: Map<ConnectionListener<E>, { readonly once: boolean }> };

/** Makes events of what happens to the path. */
export class ConnectionEvents {
    /** What the peer tells. */
    readonly path: PathListener = {
        dropped: (error) => {
            if (this.#state !== "connected") return; // it broke again before it was all back
            this.#state = "reconnecting";
            this.#emit("disconnected", error);
        },
        restored: () => {
            this.#state = "connected";
            this.#emit("connected");
        },
        closed: (error) => {
            this.#state = "closed";
            this.#emit("closed", this.#wanted ? undefined : error);
            for (const listeners of Object.values(this.#listeners)) listeners.clear();
        },
    };
    readonly #listeners: Listeners = { connected: new Map(), disconnected: new Map(), closed: new Map() };
    #state: ConnectionState = "connected";
    /** True once the user wants it closed. */
    #wanted = false;

    /** @param onListenerError hears what a listener threw */
    constructor(private readonly onListenerError: (error: unknown) => void) {}

    get state(): ConnectionState {
        return this.#state;
    }

    /** What closes now does so by the user's wish. */
    expectClose(): void {
        this.#wanted = true;
    }

    /** The same listener counts once. */
    add<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>, once: boolean): void {
        this.#listeners[event].set(listener, { once });
    }

    remove<E extends ConnectionEvent>(event: E, listener: ConnectionListener<E>): void {
        this.#listeners[event].delete(listener);
    }

    #emit<E extends ConnectionEvent>(event: E, ...parameters: ConnectionEventMap[E]): void {
        for (const [listener, { once }] of [...this.#listeners[event]]) {
            if (once) this.remove(event, listener);
            try {
                const result = listener(...parameters);
                if (result instanceof Promise) result.catch(this.onListenerError);
            } catch (error) {
                this.onListenerError(error);
            }
        }
    }
}
