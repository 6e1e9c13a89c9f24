/**
 * The HTTP API of the directory (WoT Discovery, "Things API" and "Notification API"), on a router of Express. Handlers write with Node's
 * own means: what Express adds to responses is not there on HTTP/2.
 */
import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { Request, RequestHandler, Response } from "express";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { requireReader, requireWriter } from "./directory-access";
import { DirectoryEvents, type DirectoryEventOptions } from "./directory-events";
import {
    mediaType,
    mountOf,
    sendEmpty,
    sendJson,
    thingPath,
    type DirectoryClient,
    type DirectoryRequest,
    type RenderFor,
} from "./directory-http";
import { sendList } from "./directory-list";
import type { DirectoryStore } from "./directory-store";
import { withRegistration } from "./registration";
import { invalidTd } from "./written-description";

/** What the routes are made of. */
export interface DirectoryRouteParts extends DirectoryEventOptions {
    readonly store: DirectoryStore;
    /** Who asks. @throws SseScError UNAUTHORIZED */
    readonly authenticate: (request: DirectoryRequest) => Promise<DirectoryClient>;
    /** Reads the JSON body of a request. @throws SseScError INVALID_ENVELOPE, TOO_LARGE, INVALID_REQUEST */
    readonly readJson: (request: DirectoryRequest, maxSize: number) => Promise<unknown>;
    readonly render: RenderFor;
    /** Bytes of a body. Default 1 MiB. */
    readonly maxBodySize?: number;
}

/** The routes of a directory. */
export interface DirectoryRoutes {
    /** True for the paths that are answered here. */
    readonly owns: (path: string) => boolean;
    /**
     * Answers a request, in the manner of Connect. Errors go to `next`, and so does a GET for a TD that the directory does not have:
     * the server may have Things beside it.
     */
    readonly handle: (request: DirectoryRequest, response: ServerResponse, next: (error?: unknown) => void) => void;
    /** Ends the event streams of a client, or of one of its sessions; without a client those of everybody. */
    endStreams(clientId?: string, sessionId?: string): void;
    /** Ends all event streams. */
    close(): void;
}

type Next = (error?: unknown) => void;
type Handler = (request: RoutedRequest, response: ServerResponse, next: Next) => Promise<void>;
type RoutedRequest = DirectoryRequest & { readonly params: Readonly<Record<string, unknown>> };

const MAX_BODY_SIZE = 1024 * 1024;
const MERGE_PATCH = "application/merge-patch+json";

/** Makes the routes, loading Express. */
export async function createDirectoryRoutes(parts: DirectoryRouteParts): Promise<DirectoryRoutes> {
    const { default: express } = await import("express");
    const router = express.Router({ caseSensitive: true, strict: true });
    const events = new DirectoryEvents(parts.store, parts.render, parts);
    const things = thingHandlers(parts);
    const openEvents: Handler = async (request, response) => {
        const client = await parts.authenticate(request);
        requireReader(client);
        events.open(request, response, client, parameter(request, "type"));
    };
    router.route("/things").get(guarded(things.list)).post(guarded(things.create)).all(refuseMethod("GET, HEAD, POST"));
    router
        .route("/things/:id")
        .get(guarded(things.retrieve))
        .put(guarded(things.put))
        .patch(guarded(things.patch))
        .delete(guarded(things.delete))
        .all(refuseMethod("GET, HEAD, PUT, PATCH, DELETE"));
    router.route(["/events", "/events/:type"]).get(guarded(openEvents)).all(refuseMethod("GET, HEAD"));
    return {
        owns: (path) => /^\/(things|events)(\/[^/]+)?$/.test(path),
        handle: (request, response, next) => {
            router(request as Request, response as Response, next); // it takes what Node gives
        },
        endStreams: (clientId, sessionId) => events.endStreams(clientId, sessionId),
        close: () => events.close(),
    };
}

function thingHandlers({ store, authenticate, readJson, render, maxBodySize = MAX_BODY_SIZE }: DirectoryRouteParts) {
    const epoch = randomUUID().slice(0, 8);

    async function reader(request: DirectoryRequest): Promise<void> {
        requireReader(await authenticate(request));
    }

    const list: Handler = async (request, response) => {
        await reader(request);
        await sendList(request, response, store, render, `${epoch}-${store.revision}`);
    };

    const retrieve: Handler = async (request, response, next) => {
        await reader(request);
        const record = store.get(idOf(request));
        if (record === undefined) {
            next("route");
            return;
        }
        const td = withRegistration(render(record, request), record, Date.now());
        sendJson(request, response, mediaType(request, "application/td+json"), td);
    };

    const create: Handler = async (request, response) => {
        const writer = requireWriter(await authenticate(request));
        const td = await readJson(request, maxBodySize);
        if (isRecord(td) && td["id"] !== undefined) {
            const description = "must not be there: PUT the TD to /things/{id}";
            throw invalidTd([{ field: "id", description }]);
        }
        const { id } = await store.put(td, writer, `urn:uuid:${randomUUID()}`);
        sendEmpty(response, 201, { location: mountOf(request) + thingPath(id) });
    };

    const put: Handler = async (request, response) => {
        const writer = requireWriter(await authenticate(request));
        const { type, id } = await store.put(await readJson(request, maxBodySize), writer, idOf(request));
        if (type === "created") sendEmpty(response, 201, { location: mountOf(request) + thingPath(id) });
        else sendEmpty(response, 204);
    };

    const patch: Handler = async (request, response) => {
        const writer = requireWriter(await authenticate(request));
        refuseOtherPatches(request);
        await store.patch(idOf(request), await readJson(request, maxBodySize), writer);
        sendEmpty(response, 204);
    };

    const remove: Handler = async (request, response) => {
        const writer = requireWriter(await authenticate(request));
        await store.delete(idOf(request), writer);
        sendEmpty(response, 204);
    };

    return { list, retrieve, create, put, patch, delete: remove };
}

/** Lets errors go to `next`; once a reply has begun, all that is left is to cut it. */
function guarded(handler: Handler): RequestHandler {
    const guard = (request: RoutedRequest, response: ServerResponse, next: Next): void => {
        handler(request, response, next).catch((error: unknown) => {
            if (response.headersSent) response.destroy();
            else next(error);
        });
    };
    return guard as RequestHandler;
}

function refuseMethod(allow: string): RequestHandler {
    return () => {
        throw new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow } });
    };
}

/** RFC 5789, section 2.2: a patch of another kind is 415, and Accept-Patch says which kind is taken. */
function refuseOtherPatches({ headers }: DirectoryRequest): void {
    const [type = ""] = (headers["content-type"] ?? "").split(";");
    if (["", MERGE_PATCH, "application/json"].includes(type.trim().toLowerCase())) return;
    throw new SseScError("INVALID_REQUEST", undefined, {
        title: `A patch is ${MERGE_PATCH}`,
        status: 415,
        headers: { "accept-patch": MERGE_PATCH },
    });
}

function idOf(request: RoutedRequest): string {
    return parameter(request, "id") ?? "";
}

function parameter({ params }: RoutedRequest, name: string): string | undefined {
    const value = params[name];
    return typeof value === "string" ? value : undefined;
}
