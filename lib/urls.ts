/** Parsing URLs that come from outside. */

/**
 * A URL, absolute or against a base; `undefined` if it is none.
 *
 * Not by way of `URL.canParse`: that of Node 20, once it is compiled, takes Latin-1 for UTF-8, and says yes where the constructor throws
 * (found by fuzzing: the Host header made a 500 of it).
 */
export function parseUrl(text: string, base?: string): URL | undefined {
    try {
        return new URL(text, base);
    } catch {
        return undefined;
    }
}
