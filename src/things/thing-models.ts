/** Thing Models (TD 1.1, section 9): one model serves for many Things, which differ in what its placeholders stand for. */
import type { ExposedThing } from "@node-wot/core";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { newId } from "../../lib/messages";
import type { Json } from "./td-members";
import { partialDescription } from "./td-tools";

/** A Thing Description as an application gives it to `wot.produce`: without forms and security. */
export type ThingInit = ConstructorParameters<typeof ExposedThing>[1] & object;

/** How a Thing Description is made of a Thing Model. */
export interface ThingModelOptions {
    /** What the placeholders of the model stand for, such as `{ ID: "urn:x" }` for `{{ID}}`; of any JSON type. Default: none. */
    readonly placeholders?: Readonly<Record<string, unknown>>;
    /** The models that it extends or imports from, by their URL: nothing is fetched. Default: none. */
    readonly models?: Readonly<Record<string, object>>;
    /** Version of the Thing (`version.instance`). Default: that of the model, if it has one. */
    readonly version?: string;
}

/**
 * Makes a Thing Description for `wot.produce` of a Thing Model. The model stays as it is.
 *
 * Optional affordances are all there; delete those that your Thing does not have. The first call takes some 200 ms, because a JSON
 * schema is compiled.
 * @throws SseScError INVALID_TD if the model is not one, a placeholder stands for nothing, a model that it names is not among
 * `models`, or it has submodels, each of which would be a Thing of its own
 */
export async function thingModelToDescription(model: object, options: ThingModelOptions = {}): Promise<ThingInit> {
    const { placeholders = {}, models = {}, version } = options;
    requirePlaceholders(model, placeholders);
    const literals = new Literals();
    const copy = literals.protect(model);
    if (linksOf(copy).some(({ rel }) => rel === "tm:submodel")) {
        throw invalid("A Thing Model with submodels makes several Things: make each of its own model");
    }
    const made = await partialDescription(copy, literals.protect(placeholders), async (uri) => {
        const named = Object.hasOwn(models, uri) ? models[uri] : undefined;
        if (named === undefined) throw invalid(`The Thing Model needs ${uri}: give it in "models"`);
        return Promise.resolve(literals.protect(named));
    });
    const description = literals.restore(made);
    delete description["tm:optional"];
    if (linksOf(description).length === 0) delete description["links"];
    const versions = versionsOf(model, version);
    return { ...description, ...(versions === undefined ? {} : { version: versions }) };
}

function requirePlaceholders(model: object, given: object): void {
    for (const [placeholder, name = ""] of JSON.stringify(model).matchAll(/\{\{(.*?)\}\}/g)) {
        if (Object.hasOwn(given, name)) continue;
        throw invalid(`The Thing Model has ${placeholder}: say in "placeholders" what it stands for`);
    }
}

/** A Thing says its own version, and may say that of its model (TD 1.1, section 5.3.1.5). */
function versionsOf(model: object, instance: string | undefined): Json | undefined {
    const given: unknown = "version" in model ? model.version : undefined;
    const ofModel = isRecord(given) && typeof given["model"] === "string" ? given["model"] : undefined;
    const own = instance ?? ofModel;
    if (own === undefined) return undefined;
    return { instance: own, ...(ofModel === undefined ? {} : { model: ofModel }) };
}

function linksOf({ links }: Json): readonly Json[] {
    return Array.isArray(links) ? links.filter(isRecord) : [];
}

function invalid(message: string): SseScError {
    return new SseScError("INVALID_TD", message);
}

/**
 * Keeps texts what they are: td-tools turns every text that is JSON into what JSON makes of it, so that `"5"` becomes a number, and
 * the type `"null"` none. Such texts get a mark that makes them something else than JSON, except that type, which the schema
 * of Thing Models must recognise; there the mark goes to those that were none.
 */
class Literals {
    readonly #mark = `${newId()}:`;

    /** A copy with marks. */
    protect(value: object): Json {
        return this.#protect(value, "") as Json;
    }

    /** A copy without them. */
    restore(value: object): Json {
        return this.#restore(value, "") as Json;
    }

    #protect(value: unknown, key: string): unknown {
        if (key === "type" && value === null) return this.#mark;
        if (typeof value === "string") {
            return mayBecomeJson(value) && !(key === "type" && value === "null") ? this.#mark + value : value;
        }
        return mapEntries(value, (entry, name) => this.#protect(entry, name));
    }

    #restore(value: unknown, key: string): unknown {
        if (key === "type" && (value === null || value === this.#mark)) return value === null ? "null" : null;
        if (typeof value === "string") return value.replaceAll(this.#mark, "");
        return mapEntries(value, (entry, name) => this.#restore(entry, name));
    }
}

/** True for JSON, and for a text with a placeholder in it. One that is nothing but a placeholder takes over the type. */
function mayBecomeJson(text: string): boolean {
    if (/^\{\{[^{}]+\}\}$/.test(text)) return false;
    if (text.includes("{{")) return true;
    try {
        JSON.parse(text);
        return true;
    } catch {
        return false;
    }
}

function mapEntries(value: unknown, map: (entry: unknown, name: string) => unknown): unknown {
    if (Array.isArray(value)) return value.map((entry) => map(entry, ""));
    if (!isRecord(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, map(entry, name)]));
}
