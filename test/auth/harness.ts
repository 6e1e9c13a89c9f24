/** What the tests of this room share: stores that are thrown away, and a real Express server in front of the routes. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ClassicLevel } from "classic-level";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { MemoryLevel } from "memory-level";
import { SseScError, toErrorResponse, type ErrorCode } from "../../lib/errors";
import { DEFAULT_MAX_DEPTH } from "../../lib/json";
import { readJson } from "../../src/http/body";
import { createAuth, type Auth, type AuthHooks, type AuthOptions, type AuthStore } from "../../src/auth";

export const PASSWORD = "correct horse battery staple";

const cleanups: (() => Promise<unknown>)[] = [];

/** Runs when the test ends, last one first. */
export function onEnd(cleanup: () => Promise<unknown>): void {
    cleanups.push(cleanup);
}

afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export function memoryStore(): AuthStore {
    return new MemoryLevel<string>();
}

/** A folder for a store that outlives its process. */
export async function makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "auth-"));
    onEnd(() => rm(folder, { recursive: true, force: true }));
    return folder;
}

/** Opens a classic-level store, uses it and closes it: one life of a server process. */
export async function withStore<T>(folder: string, use: (store: AuthStore) => Promise<T>): Promise<T> {
    const store = new ClassicLevel(folder);
    try {
        return await use(store);
    } finally {
        await store.close();
    }
}

/** Opens authentication over a store in memory. */
export async function openAuth(
    options: AuthOptions = {},
    hooks: AuthHooks = {},
    store: AuthStore = memoryStore()
): Promise<Auth> {
    const auth = await createAuth(options, store, hooks);
    onEnd(() => auth.close());
    return auth;
}

const writeError: ErrorRequestHandler = (thrown: unknown, _request, response, _next) => {
    expect(thrown).to.be.instanceOf(SseScError);
    const { status, headers, body } = toErrorResponse(thrown);
    response.writeHead(status, headers).end(body);
};

/** Serves the routes with Express on node:http. Returns the URL of the server. */
export async function serve(auth: Auth, ...inFront: RequestHandler[]): Promise<string> {
    const app = express();
    for (const handler of inFront) app.use(handler);
    app.use(await auth.router((request, maxSize) => readJson(request, maxSize, DEFAULT_MAX_DEPTH)));
    app.use(writeError);
    return listen(createServer(app));
}

/** Listens on a free port of loopback until the test ends. */
async function listen(server: Server): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onEnd(
        () =>
            new Promise((resolve) => {
                server.close(resolve);
                server.closeAllConnections();
            })
    );
    const { port } = server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
}

export interface Answer {
    status: number;
    headers: Headers;
    /** Parsed body; `undefined` if it is empty. */
    body: unknown;
    text: string;
}

/** Sends one request. */
export async function send(
    url: string,
    method: string,
    { token, body, headers = {} }: { token?: string; body?: string; headers?: Record<string, string> } = {}
): Promise<Answer> {
    const response = await fetch(url, {
        method,
        headers: { ...(token !== undefined && { authorization: `bearer ${token}` }), ...headers },
        ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: parsed, text };
}

/** Logs in and returns the answer. */
export function login(url: string, username: string, password = PASSWORD): Promise<Answer> {
    return send(`${url}/authn/login`, "POST", { body: JSON.stringify({ username, password }) });
}

/** Logs in and returns the token. */
export async function tokenOf(url: string, username: string): Promise<string> {
    const { status, body } = await login(url, username);
    expect(status).to.equal(200);
    expect(body).to.be.a("string");
    return String(body);
}

/** A request with a bearer token, as the hot path sees it. */
export function bearing(token: string, headers: Record<string, string> = {}) {
    return { headers: { authorization: `bearer ${token}`, ...headers } };
}

/** The error that an action throws or rejects with; fails if there is none or it is not ours. */
export async function errorOf(action: () => unknown): Promise<SseScError> {
    let result: unknown;
    try {
        result = await action();
    } catch (thrown) {
        expect(thrown).to.be.instanceOf(SseScError);
        if (thrown instanceof SseScError) return thrown;
    }
    throw new Error(`There was no error but ${JSON.stringify(result)}`);
}

/** Expects that an action throws or rejects with this code. */
export async function expectCode(code: ErrorCode, action: () => unknown): Promise<void> {
    expect((await errorOf(action)).code).to.equal(code);
}

/** Expects a problem of this kind, and that nothing of what was sent comes back. */
export function expectProblem(answer: Answer, status: number, code: ErrorCode): void {
    expect(answer.status).to.equal(status);
    expect(answer.headers.get("content-type")).to.equal("application/problem+json");
    expect(answer.body).to.include({ status, type: `urn:hiveot-ssesc:problem:${code}` });
}
