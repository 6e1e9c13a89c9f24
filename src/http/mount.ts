/** A server's routes on an HTTP server of somebody else: there from start to stop, and no trace of them at other times. */
import { SseScError } from "../../lib/errors";
import { BodyDeadlines } from "./body-deadlines";
import { CONNECTION_TIMEOUTS, type ConnectionTimeouts } from "./connection-timeouts";
import { cut, respondWithError, type HttpRequest, type HttpResponse, type Site } from "./exchange";

/**
 * A request handler for the HTTP server of somebody else: `http.createServer(handler)`, `app.use(handler)` of Express and Connect, the
 * `middleware` of node-wot's binding-http. It takes requests that are ours and calls `next` for all others; where there is no
 * `next`, it answers those with 404. It never throws, and its promise says nothing: binding-http wants one.
 */
export type MountedHandler = (
    request: HttpRequest,
    response: HttpResponse,
    next?: (error?: unknown) => void
) => Promise<void>;

/** Seconds after which it makes sense to ask a server again that is not running. */
const RETRY_AFTER = 5;

/** What the handlers that one server has given out have in common. */
export class Mount {
    #site: Site | undefined;
    readonly #open = new Set<HttpResponse>();
    readonly #bodies: BodyDeadlines;
    #onEmpty: (() => void) | undefined;

    /**
     * @param admits false for a request that is refused, whatever it asks for
     * @param timeouts for the bodies of requests: the time-outs of the host are its own affair
     */
    constructor(
        private readonly admits: (request: HttpRequest) => boolean,
        timeouts: Pick<ConnectionTimeouts, "request" | "check"> = CONNECTION_TIMEOUTS
    ) {
        this.#bodies = new BodyDeadlines(timeouts);
    }

    /** Takes requests from now on. */
    start(site: Site): void {
        this.#site = site;
    }

    /**
     * Passes everything by from now on; ends when what is under way has ended, or was cut.
     * @param grace milliseconds until it is cut
     */
    async stop(grace: number): Promise<void> {
        this.#site = undefined;
        if (this.#open.size === 0) return;
        const empty = new Promise<void>((resolve) => {
            this.#onEmpty = resolve;
        });
        const timer = setTimeout(() => {
            for (const response of this.#open) cut(response);
            this.#onEmpty?.();
        }, grace);
        await empty;
        clearTimeout(timer);
    }

    /**
     * A handler; it may be taken and mounted before the start.
     * @param basePath the path that comes ahead of ours in the URLs of requests; empty if there is none
     */
    handler(basePath: string): MountedHandler {
        return (request, response, next) => {
            this.#take(basePath, request, response, next);
            return Promise.resolve();
        };
    }

    #take(basePath: string, request: HttpRequest, response: HttpResponse, next: (() => void) | undefined): void {
        const site = this.#site;
        const url = withoutBase(request.url ?? "", basePath);
        if (next !== undefined && (site === undefined || url === undefined || !site.owns(url))) {
            next();
        } else if (url === undefined) {
            respondWithError(request, response, new SseScError("NOT_FOUND"));
        } else if (site === undefined) {
            const error = new SseScError("ALREADY_CLOSED", undefined, {
                title: "The server is not running",
                retryAfter: RETRY_AFTER,
            });
            respondWithError(request, response, error);
        } else if (!this.admits(request)) {
            respondWithError(request, response, new SseScError("FORBIDDEN"));
        } else {
            this.#open.add(response);
            response.on("close", () => {
                this.#open.delete(response);
                if (this.#open.size === 0) this.#onEmpty?.();
            });
            this.#bodies.watch(request, response);
            site.handle(request, response, url);
        }
    }
}

/** The URL behind the base path; `undefined` if it is not below it. */
function withoutBase(url: string, basePath: string): string | undefined {
    if (basePath === "") return url;
    return url.startsWith(`${basePath}/`) ? url.slice(basePath.length) : undefined;
}
