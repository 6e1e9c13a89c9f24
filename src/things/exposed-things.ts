/** The Things that one server exposes, and where our form of each affordance is. */
import type { ExposedThing } from "@node-wot/core";
import { SseScError } from "../../lib/errors";
import type { AffordanceType } from "../../lib/operations";

/** What all three kinds of affordances have in common, as core keeps them. */
export interface Affordance {
    forms?: Form[];
    uriVariables?: Record<string, unknown>;
    [member: string]: unknown;
}

/** A form of a TD. */
export interface Form {
    href: string;
    op?: string | string[];
    contentType?: string;
    [member: string]: unknown;
}

const CONTAINERS = { property: "properties", action: "actions", event: "events" } as const;

/** All affordances of one kind of a Thing or its TD, by name. */
export function affordancesOf(
    thing: Readonly<Record<string, unknown>>,
    kind: AffordanceType
): Record<string, Affordance> {
    return (thing[CONTAINERS[kind]] ?? {}) as Record<string, Affordance>;
}

/**
 * The affordance of that name.
 * @throws SseScError UNKNOWN_AFFORDANCE
 */
export function requireAffordance(thing: ExposedThing, kind: AffordanceType, name: string): Affordance {
    const affordances = affordancesOf(thing, kind);
    const affordance = Object.hasOwn(affordances, name) ? affordances[name] : undefined;
    if (affordance === undefined) throw new SseScError("UNKNOWN_AFFORDANCE");
    return affordance;
}

/** The Things that a server exposes, by id, with the forms that it gave them. */
export class ExposedThings {
    readonly #things = new Map<string, ExposedThing>();
    /** Our forms. Found by identity, because other servers push forms of their own into the same arrays. */
    readonly #ours = new WeakSet<Form>();

    get size(): number {
        return this.#things.size;
    }

    /** Adds a Thing, or takes one of the same id in its place: exposing again is allowed. */
    set(thing: ExposedThing): void {
        this.#things.set(thing.id, thing);
    }

    delete(thingId: string): boolean {
        return this.#things.delete(thingId);
    }

    get(thingId: string): ExposedThing | undefined {
        return this.#things.get(thingId);
    }

    /** The Thing of that id. @throws SseScError UNKNOWN_THING */
    require(thingId: string): ExposedThing {
        const thing = this.#things.get(thingId);
        if (thing === undefined) throw new SseScError("UNKNOWN_THING");
        return thing;
    }

    values(): IterableIterator<ExposedThing> {
        return this.#things.values();
    }

    /** Pushes a form of ours, unless the affordance has it already. */
    pushForm(target: { forms?: Form[] }, form: Form): void {
        const forms = (target.forms ??= []);
        if (forms.some((existing) => this.#ours.has(existing))) return;
        this.#ours.add(form);
        forms.push(form);
    }

    isOurs(form: Form): boolean {
        return this.#ours.has(form);
    }

    /** Index of our form, which tells core the content type and the bucket of listeners. */
    formIndex(affordance: Affordance): number {
        const index = affordance.forms?.findIndex((form) => this.#ours.has(form)) ?? -1;
        return Math.max(index, 0);
    }

    /** Media type of our form of an affordance. */
    contentType(affordance: Affordance): string | undefined {
        return affordance.forms?.[this.formIndex(affordance)]?.contentType;
    }
}
