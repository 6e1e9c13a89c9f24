/** uriVariables on their way to the other side: the text of a query. */
import { SseScError } from "./errors";

/** uriVariables of an affordance, as values or as text; both together are one query. */
export interface UriVariables {
    /** By name: numbers, booleans, texts; objects and arrays travel as JSON. `undefined` is left out. */
    readonly uriVariables?: Readonly<Record<string, unknown>>;
    /** The same as the text of a query (without `?`), for those who have it so. */
    readonly query?: string;
}

/** The text of the query, without `?`. @throws SseScError INVALID_INPUT naming the variable that cannot be sent */
export function toQuery({ query = "", uriVariables = {} }: UriVariables): string {
    const pairs = Object.entries(uriVariables).map(([name, value]) => {
        try {
            const text: unknown = typeof value === "string" ? value : JSON.stringify(value);
            return typeof text === "string" ? `${encodeURIComponent(name)}=${encodeURIComponent(text)}` : "";
        } catch (cause) {
            throw new SseScError("INVALID_INPUT", `The uriVariable ${name} cannot be sent`, { cause });
        }
    });
    return [query, ...pairs].filter((part) => part !== "").join("&");
}
