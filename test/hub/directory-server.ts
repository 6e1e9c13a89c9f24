/** The directory's routes on real servers: Express 5 on plain HTTP/1.1, and the router on HTTP/1.1 and HTTP/2 over TLS. */
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { SseScError } from "../../lib/errors";
import { readJson } from "../../src/http/body";
import { respondWithError } from "../../src/http/exchange";
import { directoryAccess } from "../../src/hub/directory-access";
import type { DirectoryClient, DirectoryRequest } from "../../src/hub/directory-http";
import { createDirectoryRoutes, type DirectoryRouteParts, type DirectoryRoutes } from "../../src/hub/directory-routes";
import type { DirectoryStore, DirectoryStoreOptions } from "../../src/hub/directory-store";
import { Http1Wire, Http2Wire, type RawResponse, type Wire } from "../conformance/raw/raw-client";
import type { RawStream } from "../conformance/raw/event-stream";
import { certificate } from "../support/certificates";
import type { Transport } from "../support/set-ups";
import { onEnd, openDirectory } from "./harness";

/** Stands in for authentication: the token is `role:client`, with `:ms` behind it if it ends. */
export function authenticate({ headers }: DirectoryRequest): Promise<DirectoryClient> {
    const [, role, clientId, lifetime] = /^bearer (\w+):(\w+)(?::(\d+))?$/i.exec(headers.authorization ?? "") ?? [];
    if (role === undefined || clientId === undefined) return Promise.reject(new SseScError("UNAUTHORIZED"));
    const access = directoryAccess(role, role !== "none");
    const expiry = lifetime === undefined ? {} : { expiresAt: Date.now() + Number(lifetime) };
    return Promise.resolve({ clientId, access, sessionId: `session of ${clientId}`, ...expiry });
}

export interface Exchange {
    readonly token?: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
}

/** A directory that is served, and a client of it. */
export class ServedDirectory {
    readonly wire: Wire;

    private constructor(
        readonly store: DirectoryStore,
        readonly routes: DirectoryRoutes,
        private readonly connect: () => Wire
    ) {
        this.wire = connect();
    }

    static async start(
        transport: Transport,
        options: DirectoryStoreOptions & Partial<DirectoryRouteParts> = {},
        mount = ""
    ): Promise<ServedDirectory> {
        const store = await openDirectory(options);
        const routes = await createDirectoryRoutes({
            store,
            authenticate,
            readJson: (request, maxSize) => readJson(request, maxSize, 64),
            render: ({ td }, { headers }) => ({ ...td, base: `https://${headers.host ?? "no host"}/` }),
            ...options,
        });
        onEnd(() => routes.close());
        const { key, cert } = await certificate();
        const server =
            transport === "plain h1"
                ? createServer(expressApp(routes, mount))
                : createSecureServer({ key, cert, allowHTTP1: true }, (request, response) => {
                      // Node's compatibility layer: the lead's listener and app do the same
                      const compat = request as object as DirectoryRequest;
                      const reply = response as object as ServerResponse;
                      if (request.httpVersionMajor === 2) request.headers.host = request.authority;
                      routes.handle(compat, reply, (error) => writeError(compat, reply, error));
                  });
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        const { port } = server.address() as AddressInfo;
        const origin = `${transport === "plain h1" ? "http" : "https"}://127.0.0.1:${port}`;
        onEnd(async () => {
            routes.close();
            if ("closeAllConnections" in server) server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        });
        const connect = (): Wire => {
            const wire =
                transport === "TLS h2" ? new Http2Wire({ origin, ca: cert }) : new Http1Wire({ origin, ca: cert });
            onEnd(() => wire.close());
            return wire;
        };
        return new ServedDirectory(store, routes, connect);
    }

    /** Another client of the same directory. */
    anotherClient(): ServedDirectory {
        return new ServedDirectory(this.store, this.routes, this.connect);
    }

    /** Sends a request, by default as the device `alice`. */
    send(method: string, path: string, { token = "device:alice", body, headers }: Exchange = {}): Promise<RawResponse> {
        const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
        return this.wire.request(method, path, {
            headers: { ...(token === "" ? {} : { authorization: `bearer ${token}` }), ...headers },
            ...(text === undefined ? {} : { body: text }),
        });
    }

    /** Opens an event stream, by default as a viewer. */
    events(path = "/events", headers: Record<string, string> = {}, token = "viewer:victor"): Promise<RawStream> {
        return this.wire.openStream(path, { authorization: `bearer ${token}`, ...headers });
    }
}

function expressApp(routes: DirectoryRoutes, mount: string): express.Express {
    const app = express();
    const handler: RequestHandler = (request, response, next) => routes.handle(request, response, next);
    if (mount === "") app.use(handler);
    else app.use(mount, handler);
    app.use((request, response) => writeError(request, response, undefined));
    const failed: ErrorRequestHandler = (error: unknown, request, response, _next) =>
        writeError(request, response, error);
    app.use(failed);
    return app;
}

/** As the server's own app does it: errors of the router have a status. */
function writeError(request: DirectoryRequest, response: ServerResponse, error: unknown): void {
    const status = (error as { status?: number } | undefined)?.status;
    const ours = error instanceof SseScError || status === undefined;
    const known = ours
        ? (error ?? new SseScError("NOT_FOUND"))
        : new SseScError("INVALID_REQUEST", undefined, { status });
    respondWithError(request, response, known);
}
