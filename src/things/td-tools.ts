/**
 * The only place that knows @node-wot/td-tools: it parses and writes TDs, and makes them of Thing Models. Its weaknesses, as far as
 * they concern TDs as a whole, are made up for here.
 *
 * Its parser is taken by its file: the main module compiles a JSON schema as it loads (150 ms and more, against 2 ms), which
 * only Thing Models need. Its types stay here: they are of another copy of the WoT types than node-wot's.
 */
import { parseTD, serializeTD } from "@node-wot/td-tools/dist/td-parser";
import { SseScError } from "../../lib/errors";
import { isRecord, parseJson } from "../../lib/json";
import { normalizeThingDescription, type ThingDescription } from "./normalizer";
import type { Json } from "./td-members";

/**
 * Reads the text of a TD and makes it consumable, with the defaults of TD 1.1 filled in (`readOnly`, `safe`, …).
 *
 * Normalised first: the parser refuses affordances without forms, which HiveOT's may leave to the root, and a template in an href
 * is not for it to resolve. HiveOT's directory hands out TDs as JSON strings (protocol.md, "Directory"): such a string is opened.
 * @param maxDepth nesting of the JSON
 * @throws SseScError INVALID_TD that says what is wrong
 */
export function parseThingDescription(text: string, maxDepth: number): ThingDescription {
    const json = readJson(text, maxDepth);
    const normal = normalizeThingDescription(typeof json === "string" ? readJson(json, maxDepth) : json);
    const parsed: unknown = guarded(() => parseTD(JSON.stringify(normal), false));
    // The parser adds to the context that the texts are English, whatever they are.
    return { ...(parsed as ThingDescription), "@context": normal["@context"] };
}

/** Writes a TD: the defaults of TD 1.1 are written out, and containers that are empty left out. */
export function serializeThingDescription(td: Readonly<Json>): string {
    // It fails on a TD without links, and leaves out those that are empty.
    return serializeTD({ links: [], ...td } as unknown as Parameters<typeof serializeTD>[0]); // -- types of another copy
}

/**
 * Makes a TD, without forms and security, of a Thing Model: checks it, takes in what it extends and imports, fills in its
 * placeholders. The model may be changed by it.
 * @param fetchModel gets the models that it names, by their URL
 * @throws SseScError INVALID_TD that says what is wrong
 */
export async function partialDescription(
    model: unknown,
    placeholders: Readonly<Json>,
    fetchModel: (uri: string) => Promise<unknown>
): Promise<Json> {
    const { ThingModelHelpers } = await import("@node-wot/td-tools");
    const helpers = new ThingModelHelpers({ fetch: fetchModel }); // without one it would fetch over the network itself
    const [description]: readonly unknown[] = await guarded(() => helpers.getPartialTDs(model, { map: placeholders }));
    if (!isRecord(description)) throw new SseScError("INVALID_TD", "The Thing Model makes no Thing Description");
    // It ends the links with one to a file of the model that it makes up.
    const { links } = description;
    if (Array.isArray(links)) description["links"] = links.slice(0, -1);
    return description;
}

/** What td-tools throws are errors with nothing but a text, or mishaps on the way. */
function guarded<T>(work: () => T): T {
    const fail = (cause: unknown): never => {
        if (cause instanceof SseScError) throw cause;
        throw new SseScError("INVALID_TD", cause instanceof Error ? cause.message : String(cause), { cause });
    };
    try {
        const result = work();
        return result instanceof Promise ? (result.catch(fail) as T) : result;
    } catch (cause) {
        return fail(cause);
    }
}

function readJson(text: string, maxDepth: number): unknown {
    try {
        return parseJson(text.replace(/^\uFEFF/, ""), maxDepth);
    } catch (cause) {
        throw new SseScError("INVALID_TD", "What came is not the JSON of a TD", { cause });
    }
}
