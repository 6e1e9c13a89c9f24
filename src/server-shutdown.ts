/** How a server stops: what it refuses from then on, what it waits for, and how long. */
import { setImmediate as endOfTurn } from "node:timers/promises";
import type { Dialects } from "../lib/converters/dialects";
import type { Answering } from "./answering";
import { endStreams, Gate, spreadOf } from "./http/draining";
import { REQUEST_PATH } from "./http/routes";
import type { Sessions } from "./http/sessions";

/** Parts of `shutdownTimeout` in which requests have to be answered: it is less where streams end one after the other. */
const ANSWERS = 0.8;
const ANSWERS_OF_MANY = 0.4;
/** Milliseconds that connections have to end by themselves when nothing is under way any more. */
const GRACE = 500;
/** Event streams of a hub's directory. */
const DIRECTORY_EVENTS = /^\/events(\/|$)/;

/** The gate of a server: streams and requests are what outlasts a stop. */
export function gateOf(dialects: Dialects): Gate {
    return new Gate({
        has: (method, path) =>
            method === "POST"
                ? path === REQUEST_PATH
                : method === "GET" && (dialects.has(path) || DIRECTORY_EVENTS.test(path)),
        conventionsOf: (path) => dialects.get(path)?.conventions,
    });
}

/**
 * Waits for the answers that are under way, and ends all streams.
 * @param timeout milliseconds for all of it
 * @returns milliseconds that connections have then to end by themselves
 */
export async function drain(
    answering: Pick<Answering, "abandon" | "finish">,
    sessions: Pick<Sessions, "values" | "size">,
    timeout: number
): Promise<number> {
    const end = performance.now() + timeout;
    const spread = spreadOf(sessions.size, (ANSWERS - ANSWERS_OF_MANY) * timeout);
    for (const session of sessions.values()) if (session.lingering) answering.abandon(session);
    await answering.finish(timeout * (spread === 0 ? ANSWERS : ANSWERS_OF_MANY));
    await endOfTurn(); // the answers are queued by then
    await endStreams(sessions, spread);
    return Math.min(GRACE, Math.max(end - performance.now(), 1));
}
