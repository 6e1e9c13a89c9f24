/** How a server that stops lets go of its clients: nothing new begins, and streams end one after the other if they are many. */
import { setTimeout as delay } from "node:timers/promises";
import type { DialectConventions } from "../../lib/converters/converter";
import { SseScError } from "../../lib/errors";
import { splitTarget, type HttpRequest, type HttpResponse, type Site } from "./exchange";
import { refuseStream } from "./refusal";
import type { Sessions } from "./sessions";

/** Streams that may end all at once: their clients come back at once, too. */
const AT_ONCE = 100;
/** Milliseconds between two lots of streams. */
const STEP = 20;
/** Seconds after which it makes sense to try a server again that is stopping. */
const RETRY_AFTER = 5;

/** What begins something that would outlast the stop: a stream, or a request whose answer comes by a stream. */
export interface Beginnings {
    /** True for a method and the path of its URL that begin something. */
    readonly has: (method: string, path: string) => boolean;
    /** Conventions of the dialect of a stream's path: they say how it is refused. */
    readonly conventionsOf: (path: string) => DialectConventions | undefined;
}

/** Lets nothing new begin while the server stops. */
export class Gate {
    #isShut = false;

    constructor(private readonly beginnings: Beginnings) {}

    /** From now on what begins something is refused: 503 with `Retry-After`. */
    shut(): void {
        this.#isShut = true;
    }

    /** Everything is let in again. */
    open(): void {
        this.#isShut = false;
    }

    /** The same site behind this gate. */
    guard(site: Site): Site {
        return {
            owns: (url) => site.owns(url),
            handle: (request, response, url) => {
                if (this.#isShut && this.#refuses(request, response, url)) return;
                site.handle(request, response, url);
            },
        };
    }

    #refuses(request: HttpRequest, response: HttpResponse, url: string): boolean {
        const { path } = splitTarget(url);
        if (!this.beginnings.has(request.method ?? "", path)) return false;
        response.on("error", ignore); // of a peer that went away
        request.on("error", ignore);
        refuseStream(request, response, this.beginnings.conventionsOf(path), stopping());
        return true;
    }
}

function stopping(): SseScError {
    return new SseScError("ALREADY_CLOSED", undefined, { title: "The server is stopping", retryAfter: RETRY_AFTER });
}

function ignore(): void {
    // `close` follows
}

/** Milliseconds over which so many streams end: none if they are few, else at most `longest`. */
export function spreadOf(streams: number, longest: number): number {
    return streams > AT_ONCE ? longest : 0;
}

/**
 * Ends all streams after what waits has been written.
 * @param spread milliseconds from the first to the last, so that their clients do not come back all at once
 */
export async function endStreams(sessions: Pick<Sessions, "values">, spread: number): Promise<void> {
    const from = performance.now();
    const open = [...sessions.values()].filter(({ lingering }) => !lingering);
    for (let ended = 0; ended < open.length;) {
        const share = spread === 0 ? 1 : (performance.now() - from) / spread;
        const due = Math.max(1, Math.ceil(share * open.length));
        for (const session of open.slice(ended, due)) session.channel.close();
        ended = Math.max(ended, due);
        if (ended < open.length) await delay(STEP);
    }
}
