/** The HTTP API of log-in: `/authn/login`, `/authn/refresh`, `/authn/logout`, `/authn/profile` (protocol.md, "Endpoints"). */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Request, Response } from "express";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { MAX_PASSWORD_LENGTH } from "./account-config";
import type { AccountStore } from "./accounts";
import type { Authenticate } from "./authenticator";
import { jsonBody, type Middleware, type ReadJson } from "./body";
import type { LoginThrottle } from "./login-throttle";
import { bearerToken } from "./request";
import type { Strategies } from "./strategies";
import type { Tokens } from "./tokens";

/** A handler that any HTTP server with Connect-style middleware can mount; errors go to `next` as `SseScError`. */
export type RouteHandler = (
    request: IncomingMessage,
    response: ServerResponse,
    next: (error?: unknown) => void
) => void;

/** The paths of the routes. */
export const AUTHN_PATHS = ["/authn/login", "/authn/refresh", "/authn/logout", "/authn/profile"] as const;

/** What the routes are made of. */
export interface RouteParts {
    authenticate: Authenticate;
    strategies: Pick<Strategies, "verifyLogin">;
    accounts: AccountStore;
    tokens: Pick<Tokens, "issue" | "refresh" | "revoke" | "now" | "renewKey">;
    throttle: LoginThrottle;
    readJson: ReadJson;
    /** Ends the streams of a session, or all streams of a client. */
    endStreams: (clientId: string, sessionId?: string) => void;
}

/** A username longer than any account's is not looked up. */
const MAX_USERNAME_LENGTH = 256;

/** Written with Node's own means: Express would add an ETag, and answer 304 to a client that shows it. */
function sendJson(response: ServerResponse, value: unknown): void {
    const body = Buffer.from(JSON.stringify(value));
    response.writeHead(200, {
        "content-type": "application/json",
        "content-length": body.length,
        "cache-control": "no-store",
    });
    response.end(body);
}

function isText(value: unknown, maxLength: number): value is string {
    return typeof value === "string" && value !== "" && value.length <= maxLength;
}

/** January's dialect calls the username `login` (protocol.md, "Endpoints"). */
function parseLogin(body: unknown): { username: string; password: string } {
    if (!isRecord(body)) throw new SseScError("INVALID_REQUEST", "The body is not an object");
    const { login, username = login, password } = body;
    if (!isText(username, MAX_USERNAME_LENGTH) || !isText(password, MAX_PASSWORD_LENGTH)) {
        throw new SseScError("INVALID_REQUEST", "The body has no username and password");
    }
    return { username, password };
}

/** True for a body that holds the token of the request: as a JSON string, or as January's `{ clientID, oldToken }`. */
function isOldToken(body: unknown, clientId: string, token: string | undefined): boolean {
    const oldToken = isRecord(body) && body["clientID"] === clientId ? body["oldToken"] : body;
    return typeof oldToken === "string" && oldToken === token;
}

/** An identity without a session: somebody else's token, a certificate, an API key. */
function noSession(): SseScError {
    return new SseScError("INVALID_REQUEST", undefined, {
        title: "Only the tokens of this server can be refreshed and logged out",
    });
}

/** The handlers, one per route. */
function handlers({ authenticate, strategies, accounts, tokens, throttle, readJson, endStreams }: RouteParts) {
    async function login(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { username, password } = parseLogin(await jsonBody(request, readJson));
        const { clientId, issuedAt } = await throttle.attempt(username, request.socket.remoteAddress, () =>
            strategies.verifyLogin(username, password)
        );
        await tokens.renewKey();
        const token = tokens.issue(clientId, issuedAt);
        // HiveOT's JavaScript client wants an object; its `cid` tells it apart (recording 08-js-client.jsonl, n = 18).
        sendJson(response, request.headers["cid"] === undefined ? token : { token });
    }

    async function refresh(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const body = await jsonBody(request, readJson);
        await tokens.renewKey();
        // Not before the body is there, which may take long: a token that ended meanwhile must not bring forth another
        const asked = tokens.now();
        const identity = await authenticate(request);
        if (identity.sessionId === undefined) throw noSession();
        if (!isOldToken(body, identity.clientId, bearerToken(request))) {
            throw new SseScError("INVALID_REQUEST", "The body is not the token of the request");
        }
        sendJson(response, tokens.refresh(identity, asked));
    }

    async function logout(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { clientId, sessionId } = await authenticate(request);
        if (sessionId === undefined) throw noSession();
        const revoked = tokens.revoke(clientId, sessionId);
        endStreams(clientId, sessionId); // even if the disk fails: the session has ended in memory
        if (await revoked) endStreams(clientId);
        response.writeHead(204, { "cache-control": "no-store" });
        response.end();
    }

    async function profile(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { clientId, role } = await authenticate(request);
        const account = await accounts.get(clientId);
        if (account === undefined) throw new SseScError("UNAUTHORIZED", "The account is gone");
        const { displayName = clientId, updated } = account;
        sendJson(response, { clientID: clientId, displayName, role, updated });
    }

    return { login, refresh, logout, profile };
}

function refuseMethod(allow: string): Middleware {
    return () => {
        throw new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow } });
    };
}

/** Makes the router, loading Express. It needs nothing that Express adds to requests and responses. */
export async function createRoutes(parts: RouteParts): Promise<RouteHandler> {
    const { default: express } = await import("express");
    const { login, refresh, logout, profile } = handlers(parts);
    const router = express.Router({ caseSensitive: true, strict: true });
    const [loginPath, refreshPath, logoutPath, profilePath] = AUTHN_PATHS;
    router.route(loginPath).post(login).all(refuseMethod("POST"));
    router.route(refreshPath).post(refresh).all(refuseMethod("POST"));
    router.route(logoutPath).post(logout).all(refuseMethod("POST"));
    router.route(profilePath).get(profile).all(refuseMethod("GET, HEAD"));
    return (request, response, next) => {
        router(request as Request, response as Response, next); // see above: it takes what Node gives
    };
}
