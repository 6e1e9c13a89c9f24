/**
 * Everything of a server that is not on the hot path, on a router of Express.
 *
 * A router, and no application: that would swap the prototypes of requests and responses, which kills the process where they are
 * of HTTP/2 (http2-and-sse.md) and changes what belongs to a host. So handlers write with Node's own means.
 */
import type { Request, RequestHandler, Response, Router } from "express";
import { SseScError } from "../../lib/errors";
import { respondWithError, splitTarget, type HttpRequest, type HttpResponse, type Site } from "./exchange";

/** A handler as Connect and Express know them. */
type Middleware = (request: never, response: never, next: (error?: unknown) => void) => void;

/** What is served beside `/ping`. */
export interface AppOptions {
    /** The `/authn` routes and their paths; absent where nobody needs to log in. */
    readonly authn: { readonly paths: readonly string[]; readonly handle: Middleware } | undefined;
    /** The HTTP API of a hub's directory; absent where there is none. What it passes on may be a Thing of the server itself. */
    readonly directory: { owns(path: string): boolean; readonly handle: Middleware } | undefined;
    /** The text of the TD for `/.well-known/wot`, as the client at this host should see it. @throws SseScError */
    readonly ownDescription: (request: HttpRequest) => string | Promise<string>;
    /** True if there is a TD of this Thing. */
    readonly hasThing: (thingId: string) => boolean;
    /** The text of the TD of one Thing. @throws SseScError UNKNOWN_THING and whatever access control says */
    readonly thingDescription: (thingId: string, request: HttpRequest) => string | Promise<string>;
}

/** A request with what the router found in its path. */
type RoutedRequest = HttpRequest & { readonly params: Readonly<Record<string, unknown>> };

type Handler = (request: RoutedRequest, response: HttpResponse) => void | Promise<void>;

const PING_PATH = "/ping";
/** Where the TD of the server is. */
export const OWN_TD_PATH = "/.well-known/wot";

/** Builds the routes; loads Express. */
export async function createApp(options: AppOptions): Promise<Site> {
    const { default: express } = await import("express");
    const router = express.Router({ caseSensitive: true, strict: true });
    if (options.authn !== undefined) router.use(options.authn.handle as RequestHandler);
    // What HiveKit answers, byte for byte (recording protocol-errors.jsonl, n = 21).
    get(router, PING_PATH, (request, response) => {
        send(request, response, { "content-type": "text/plain; charset=utf-8" }, ".");
    });
    get(router, OWN_TD_PATH, async (request, response) => {
        sendDescription(request, response, await options.ownDescription(request));
    });
    if (options.directory !== undefined) router.use(options.directory.handle as RequestHandler);
    get(router, "/things/:id", async (request, response) => {
        const { id } = request.params;
        if (typeof id !== "string") throw new SseScError("NOT_FOUND");
        sendDescription(request, response, await options.thingDescription(id, request));
    });

    const paths = new Set([PING_PATH, OWN_TD_PATH, ...(options.authn?.paths ?? [])]);
    return {
        owns(url) {
            const { path } = splitTarget(url);
            if (paths.has(path) || options.directory?.owns(path) === true) return true;
            const thingId = thingIdIn(path);
            return thingId !== undefined && options.hasThing(thingId);
        },
        handle(request, response, url) {
            if (request.url !== url) {
                request.originalUrl ??= request.url; // as Express does, for loggers of the host
                request.url = url;
            }
            // It takes what Node gives: nothing here needs what Express adds.
            router(request as Request, response as object as Response, (error?: unknown) => {
                respondWithError(request, response, error === undefined ? new SseScError("NOT_FOUND") : toError(error));
            });
        },
    };
}

/** The id in the path of a TD; `undefined` if it is no such path. */
export function thingIdIn(path: string): string | undefined {
    const [, id] = /^\/things\/([^/]+)$/.exec(path) ?? [];
    try {
        return id === undefined ? undefined : decodeURIComponent(id);
    } catch {
        return undefined;
    }
}

/** A route that knows GET and HEAD; anything else is 405. */
function get(router: Router, path: string, handler: Handler): void {
    router
        .route(path)
        .get(handler as RequestHandler)
        .all(() => {
            throw new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow: "GET, HEAD" } });
        });
}

/** The TD names the host that the client used, so caches must not give it to others. */
function sendDescription(request: HttpRequest, response: HttpResponse, description: string): void {
    const headers = { "content-type": "application/td+json; charset=utf-8", "cache-control": "no-store" };
    send(request, response, headers, description);
}

function send(
    { method }: HttpRequest,
    response: HttpResponse,
    headers: Readonly<Record<string, string>>,
    body: string
): void {
    response.writeHead(200, { ...headers, "content-length": String(Buffer.byteLength(body)) });
    response.end(method === "HEAD" ? "" : body);
}

/** Errors of the router itself, such as for a path that cannot be decoded, have a `status`. */
function toError(error: unknown): SseScError {
    if (error instanceof SseScError) return error;
    const status = typeof error === "object" && error !== null ? (error as { status?: unknown }).status : undefined;
    const isClientError = typeof status === "number" && status >= 400 && status <= 499;
    return isClientError
        ? new SseScError("INVALID_REQUEST", undefined, { status, cause: error })
        : new SseScError("INTERNAL", undefined, { cause: error });
}
