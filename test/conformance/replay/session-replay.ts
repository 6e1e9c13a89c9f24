/** Plays recorded replies to log-in, refresh and the request for a TD to our client, which makes such requests by itself. */
import { connect, fetchThingDescription, SseScError, type ConnectionOptions } from "../../../src/index";
import { certificate } from "../../support/certificates";
import type { Transport } from "../../support/set-ups";
import { type Exchange, exchangesOf, readSteps } from "../raw/recordings";
import { on, ScriptedServer, type SeenRequest } from "../raw/scripted-server";
import type { Heard } from "./client-replay";

/** What these replies are to. */
const SESSION_PATHS: readonly string[] = ["/authn/login", "/authn/refresh", "/.well-known/wot"];

const GIVEN = "opaque-token-1";
const MADE = "opaque-token-2";

/** Plays every such reply of a recording; gives what was to be heard and what was. */
export async function playSessions(file: string, transport: Transport): Promise<Heard[]> {
    const exchanges = exchangesOf(readSteps(file));
    const streamPath = exchanges.some(({ path }) => path === "/hiveot/ssesc") ? "/hiveot/ssesc" : "/hiveot/sse";
    const heard: Heard[] = [];
    for (const exchange of exchanges.filter(({ path }) => SESSION_PATHS.includes(path))) {
        const { n } = exchange;
        heard.push({ n, expected: expectedOf(exchange), actual: await play(exchange, transport, streamPath) });
    }
    return heard;
}

/** What a caller can tell these refusals by. */
const CODES: Readonly<Record<number, string>> = { 404: "NOT_FOUND", 405: "PEER_FAILED" };

function expectedOf({ path, reply }: Exchange): object {
    if (reply.status !== 200) {
        // A token that was not refreshed is as good as it was.
        if (path === "/authn/refresh") return { authorization: `bearer ${GIVEN}` };
        const unknown = path === "/authn/login" ? "INVALID_CREDENTIALS" : "UNAUTHORIZED";
        return { status: reply.status, code: reply.status === 401 ? unknown : CODES[reply.status] };
    }
    if (path !== "/.well-known/wot") return { authorization: `bearer ${MADE}` };
    const { id, title } = JSON.parse(reply.body) as { id: string; title: string };
    return { id, title };
}

async function play(exchange: Exchange, transport: Transport, streamPath: string): Promise<object> {
    const tls = transport === "plain h1" ? undefined : await certificate();
    const server = await ScriptedServer.start({ tls, http1Only: transport === "TLS h1", token: MADE });
    const { path } = exchange;
    const opened = { status: 200, headers: { "content-type": "text/event-stream" } };
    server.when(on("GET", streamPath, () => ({ ...opened, blocks: ["event: sse-ping\ndata: \n\n"] })));
    server.when((request) => (request.path === path ? server.play(exchange, request) : undefined));
    const trust = tls === undefined ? {} : { caCert: tls.cert };
    const options: ConnectionOptions = { ...trust, reconnect: { min: 1, max: 10 }, tokenRefreshInterval: 1 };
    const url = `${server.origin}${streamPath}`;
    try {
        if (path === "/.well-known/wot") {
            const td = await fetchThingDescription(`${server.origin}${path}`, undefined, trust);
            // An id that is no URI is none in TD 1.1: core would refuse it.
            return { id: td.id ?? td["hiveot:thingID"], title: td.title };
        }
        if (path === "/authn/login") return await logIn(server, url, options);
        return await refresh(server, url, options);
    } catch (error) {
        if (error instanceof SseScError) return { status: error.status, code: error.code };
        throw error;
    } finally {
        await server.stop();
    }
}

/** Whoever logs in shows the token that it was given when it opens its stream. */
async function logIn(server: ScriptedServer, url: string, options: ConnectionOptions): Promise<object> {
    const connection = await connect(url, { username: "recorded", password: "secret" }, options);
    const { authorization } = (await server.stream()).request.headers;
    await connection.close();
    return { authorization };
}

/** What is shown with the next request. */
async function refresh(server: ScriptedServer, url: string, options: ConnectionOptions): Promise<object> {
    const connection = await connect(url, { token: GIVEN, clientId: "recorded" }, options);
    try {
        const asked = await server.request(({ path }) => path === "/authn/refresh");
        const isLater = (request: SeenRequest): boolean => server.seen.indexOf(request) > server.seen.indexOf(asked);
        const later = server.request((request) => isLater(request) && request.path === "/hiveot/request");
        await connection.ping().catch(() => undefined);
        const { authorization } = (await later).headers;
        return { authorization };
    } finally {
        await connection.close();
    }
}
