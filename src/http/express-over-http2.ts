/**
 * Lets an Express 5 application serve HTTP/2 requests too.
 *
 * Express swaps its own prototypes, which derive from those of HTTP/1, into each request and response; on an HTTP/2 one that kills
 * the process. This view of the application has prototypes that derive from those of HTTP/2 (measured: http2-and-sse.md).
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Express, Request, Response } from "express";
import type { HttpHandler } from "./exchange";

type Prototype = object;

function derive(base: Prototype, express: Prototype): Prototype {
    return Object.create(base, Object.getOwnPropertyDescriptors(express)) as Prototype;
}

/** The application as a handler for both protocols. */
export function expressHandler(app: Express): HttpHandler {
    const http2View = Object.create(app, {
        request: {
            value: Object.create(derive(Http2ServerRequest.prototype, protoOf(app.request)), appMember(app)) as object,
        },
        response: {
            value: Object.create(
                derive(Http2ServerResponse.prototype, protoOf(app.response)),
                appMember(app)
            ) as object,
        },
    }) as Express;
    return (request, response) => {
        if (request.httpVersionMajor < 2) {
            app(request as IncomingMessage, response as ServerResponse);
            return;
        }
        const { headers } = request;
        headers.host ??= headers[":authority"] as string | undefined;
        // Body parsers of HTTP/1 look at these two headers to see whether there is a body; HTTP/2 needs neither.
        if (headers["content-length"] === undefined && !request.readableEnded && request.method !== "GET") {
            headers["transfer-encoding"] = "chunked";
        }
        handle(http2View, request as Request, response as object as Response);
    };
}

/** Express's own prototype: an application's `request` derives from it and adds nothing but `app`. */
function protoOf(member: object): object {
    return Object.getPrototypeOf(member) as object;
}

function appMember(app: Express): PropertyDescriptorMap {
    return { app: { configurable: true, enumerable: true, writable: true, value: app } };
}

/** `app.handle` is how an application is mounted; its types leave it out. */
function handle(app: Express, request: Request, response: Response): void {
    (app as Express & { handle(request: Request, response: Response): void }).handle(request, response);
}
