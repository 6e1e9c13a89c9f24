/** Those who want to hear of events, by the name of the event. */

/** The parameters of listeners, by the name of the event. */
type EventMap<Events> = { readonly [E in keyof Events]: readonly unknown[] };

/** Hears an event; it may be async, and what it throws or rejects with harms nobody. */
export type Listener<Parameters extends readonly unknown[]> = (...parameters: Parameters) => unknown;

/** Listeners of any kind, under the names of the events in `Events`. */
export class EventListeners<Events extends EventMap<Events>> {
    readonly #listeners = new Map<keyof Events, Map<Listener<never>, { readonly once: boolean }>>();

    /** @param onError hears what a listener threw */
    constructor(private readonly onError: (error: unknown) => void) {}

    /** The same listener counts once. */
    add<E extends keyof Events>(event: E, listener: Listener<Events[E]>, once: boolean): void {
        let listeners = this.#listeners.get(event);
        if (listeners === undefined)
            this.#listeners.set(event, (listeners = new Map<Listener<never>, { readonly once: boolean }>()));
        listeners.set(listener, { once });
    }

    /** One that is not there is no error. */
    remove<E extends keyof Events>(event: E, listener: Listener<Events[E]>): void {
        this.#listeners.get(event)?.delete(listener);
    }

    /** Nobody hears anything any more. */
    clear(): void {
        this.#listeners.clear();
    }

    emit<E extends keyof Events>(event: E, ...parameters: Events[E]): void {
        const listeners = (this.#listeners.get(event) ?? new Map()) as Map<Listener<Events[E]>, { once: boolean }>;
        for (const [listener, { once }] of [...listeners]) {
            if (once) listeners.delete(listener);
            try {
                const result = listener(...parameters);
                if (result instanceof Promise) result.catch(this.onError);
            } catch (error) {
                this.onError(error);
            }
        }
    }
}
