/** The Express application of a server: everything that is not on the hot path. */
import type { ErrorRequestHandler, RequestHandler } from "express";
import { SseScError } from "../../lib/errors";
import { respondWithError, type HttpHandler, type HttpRequest, type HttpResponse } from "./exchange";
import { expressHandler } from "./express-over-http2";

/** A handler as Connect and Express know them. */
type Middleware = (request: never, response: never, next: (error?: unknown) => void) => void;

/** What the application serves beside `/ping`. */
export interface AppOptions {
    /** The `/authn` routes; absent where nobody needs to log in. */
    readonly authn: Middleware | undefined;
    /** The text of the TD for `/.well-known/wot`, as the client at this host should see it. @throws SseScError */
    readonly ownDescription: (request: HttpRequest) => string | Promise<string>;
    /** The text of the TD of one Thing. @throws SseScError UNKNOWN_THING and whatever access control says */
    readonly thingDescription: (thingId: string, request: HttpRequest) => string | Promise<string>;
}

/** Builds the application; loads Express. */
export async function createApp(options: AppOptions): Promise<HttpHandler> {
    const { default: express } = await import("express");
    const app = express();
    app.disable("x-powered-by");
    app.set("etag", false);
    app.enable("case sensitive routing");
    app.enable("strict routing");

    if (options.authn !== undefined) app.use(options.authn as RequestHandler);
    // What HiveKit answers, byte for byte (recording protocol-errors.jsonl, n = 21).
    get(app, "/ping", (_request, response) => {
        response.type("text/plain").send(".");
    });
    get(app, "/.well-known/wot", async (request, response) => {
        sendDescription(response, await options.ownDescription(request));
    });
    get(app, "/things/:id", async (request, response) => {
        const { id } = request.params;
        if (typeof id !== "string") throw new SseScError("NOT_FOUND");
        sendDescription(response, await options.thingDescription(id, request));
    });
    app.use(() => {
        throw new SseScError("NOT_FOUND");
    });
    app.use(errorHandler);
    return expressHandler(app);
}

type App = ReturnType<typeof import("express")>;

/** A route that knows GET and HEAD; anything else is 405. */
function get(app: App, path: string, handler: RequestHandler): void {
    app.route(path)
        .get(handler)
        .all(() => {
            throw new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow: "GET, HEAD" } });
        });
}

/** The TD names the host that the client used, so caches must not give it to others. */
function sendDescription(response: Parameters<RequestHandler>[1], description: string): void {
    response.set({ "content-type": "application/td+json", "cache-control": "no-store" }).send(description);
}

/** Errors of Express itself, such as a path that cannot be decoded, have a `status`. */
const errorHandler: ErrorRequestHandler = (error: unknown, request, response: HttpResponse, _next) => {
    respondWithError(request, response, error instanceof SseScError ? error : foreignError(error));
};

function foreignError(error: unknown): SseScError {
    const status = typeof error === "object" && error !== null ? (error as { status?: unknown }).status : undefined;
    const isClientError = typeof status === "number" && status >= 400 && status <= 499;
    return isClientError
        ? new SseScError("INVALID_REQUEST", undefined, { status, cause: error })
        : new SseScError("INTERNAL", undefined, { cause: error });
}
