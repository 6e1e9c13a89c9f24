/**
 * Knows which events and properties have a subscribe or observe handler of the application.
 *
 * Core hides them, and calls them as soon as anybody listens. We listen from the start where that disturbs nobody, so that
 * `readevent` knows the latest event; where the application has a handler of its own, only when somebody subscribes
 * (design.md, "Things side"). The only place to see the handlers is where the application sets them, which it does between
 * `produce` and `expose`: so a servient's Things are watched from the moment it adds them.
 */
import type { ExposedThing, Servient } from "@node-wot/core";

const watchedServients = new WeakSet<Servient>();
const handlers = new WeakMap<ExposedThing, Set<string>>();

function key(kind: "property" | "event", name: string): string {
    return `${kind}/${name}`;
}

/** Watches the Things that a servient adds from now on. Several servers on one servient share one watch. */
export function watchServient(servient: Servient): void {
    if (watchedServients.has(servient)) return;
    watchedServients.add(servient);
    const addThing = servient.addThing.bind(servient);
    servient.addThing = (thing) => {
        watchThing(thing);
        return addThing(thing);
    };
}

function watchThing(thing: ExposedThing): void {
    if (handlers.has(thing)) return;
    const names = new Set<string>();
    handlers.set(thing, names);
    const setEvent = thing.setEventSubscribeHandler.bind(thing);
    thing.setEventSubscribeHandler = (name, handler) => {
        names.add(key("event", name));
        return setEvent(name, handler);
    };
    const setProperty = thing.setPropertyObserveHandler.bind(thing);
    thing.setPropertyObserveHandler = (name, handler) => {
        names.add(key("property", name));
        return setProperty(name, handler);
    };
}

/** True if listening would call a handler of the application, or if nobody knows: the Thing was made before we watched. */
export function mayHaveSubscribeHandler(thing: ExposedThing, kind: "property" | "event", name: string): boolean {
    return handlers.get(thing)?.has(key(kind, name)) ?? true;
}
