/**
 * The SSE-SC routes: the stream and the three POST paths (protocol.md, "Endpoints"). Framework-free; on our own listener they
 * run ahead of Express.
 */
import type { MessageConverter, Result } from "../../lib/converters/converter";
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import { newId, type NotificationMessage, type RequestMessage, type ResponseMessage } from "../../lib/messages";
import { isOperation, operationInfo } from "../../lib/operations";
import { isBatch, readLines, takeLines } from "./batch";
import { readJson } from "./body";
import {
    header,
    isGone,
    respond,
    respondWithError,
    splitTarget,
    type HttpRequest,
    type HttpResponse,
} from "./exchange";
import { BATCH_FEATURE, FEATURES_HEADER, readFeatures, RESUME_FEATURE, RESUME_HEADER } from "./features";
import { RecentNotifications } from "./recent-notifications";
import { refuseStream } from "./refusal";
import type { Session } from "./session";
import type { Sessions } from "./sessions";
import { parseFrameId, type FramePosition } from "./shared-frames";

/** The POST paths; fixed, because the reference's client knows no others. */
export const REQUEST_PATH = "/hiveot/request";
const RESPONSE_PATH = "/hiveot/response";
const NOTIFICATION_PATH = "/hiveot/notification";

/** What this server agrees to, if a client asks. */
const FEATURES = [BATCH_FEATURE, RESUME_FEATURE];
/** Where a client stands that names an id which is none of ours. */
const NOWHERE: FramePosition = { epoch: "", sequence: 0 };

/** What the routes need. */
export interface RouteOptions {
    /** Paths of event streams and the dialect that each speaks. */
    readonly streams: ReadonlyMap<string, MessageConverter>;
    /** The dialect of POSTs that belong to no session and do not show theirs. */
    readonly defaultConverter: MessageConverter;
    /** Finds out who sends a request; synchronous where the answer is known already. */
    readonly authenticate: (request: HttpRequest, response: HttpResponse) => Identity | Promise<Identity>;
    readonly sessions: Sessions;
    /** Bytes of one message. */
    readonly maxMessageSize: number;
    /** Nesting of one message. */
    readonly maxDepth: number;
    /** Requests of one session that may wait for their answer. */
    readonly maxPendingRequests: number;
    /** Milliseconds between heartbeats, as announced to clients. */
    readonly heartbeatInterval: number;
    /** Hears what went wrong here, of which clients are told nothing. */
    readonly onError: (what: string, error: unknown) => void;
    /** Takes what a client answers, by whichever of its connections, or by none. */
    readonly onResponse: (identity: Identity, response: ResponseMessage) => void;
    /** Takes what a client publishes. */
    readonly onNotification: (identity: Identity, notification: NotificationMessage) => void;
    /** Resolves when what clients published up to now is stored, which their POSTs wait for; `undefined` if nothing has to be. */
    readonly stored: () => Promise<void> | undefined;
}

type Handler = (
    request: HttpRequest,
    response: HttpResponse,
    identity: Identity,
    query: string
) => Promise<void> | void;

/** What a path does, by method. */
type Route = ReadonlyMap<string | undefined, Handler>;

/** The SSE-SC routes of one server. The sender of a message is who authenticated, whatever the envelope says. */
export class SseScRoutes {
    readonly #routes = new Map<string, Route>();
    readonly #streamHeaders: Readonly<Record<string, string>>;
    readonly #converters: ReadonlySet<MessageConverter>;
    readonly #recent = new RecentNotifications();

    constructor(private readonly options: RouteOptions) {
        for (const [path, converter] of options.streams) {
            const open: Handler = (request, response, identity) => {
                this.#openStream(request, response, identity, converter);
            };
            this.#routes.set(
                path,
                new Map([
                    ["GET", open],
                    ["DELETE", this.#endSession.bind(this)],
                ])
            );
        }
        this.#converters = new Set(options.streams.values());
        this.#post(REQUEST_PATH, this.#request.bind(this));
        this.#post(RESPONSE_PATH, this.#response.bind(this));
        this.#post(NOTIFICATION_PATH, this.#notification.bind(this));
        this.#streamHeaders = {
            "content-type": "text/event-stream",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "hiveot-heartbeat": String(Math.ceil(options.heartbeatInterval / 1000)),
        };
    }

    /** True if the path of a URL is one of ours. */
    owns(url: string): boolean {
        return this.#routes.has(splitTarget(url).path);
    }

    /**
     * Handles a request if its path is one of ours.
     * @param url as it is without the base path of a host
     * @returns false if it is not ours, and nothing was done
     */
    handle(request: HttpRequest, response: HttpResponse, url: string): boolean {
        const { path, query } = splitTarget(url);
        const route = this.#routes.get(path);
        if (route === undefined) return false;
        this.#run(route, request, response, query);
        return true;
    }

    #run(route: Route, request: HttpRequest, response: HttpResponse, query: string): void {
        response.on("error", ignore); // of a peer that went away; `close` follows
        request.on("error", ignore);
        const fail = (error: unknown): void => {
            if (!(error instanceof SseScError))
                this.options.onError(`${request.method} ${splitTarget(request.url).path}`, error);
            respondWithError(request, response, error);
        };
        try {
            const handle = route.get(request.method);
            if (handle === undefined) {
                const allow = [...route.keys()].join(", ");
                throw new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow } });
            }
            // Ahead of anything else: a client without rights learns nothing, and costs nothing.
            const identity = this.options.authenticate(request, response);
            if (identity instanceof Promise) {
                identity.then((known) => handle(request, response, known, query)).catch(fail);
            } else handle(request, response, identity, query)?.catch(fail);
        } catch (error) {
            fail(error);
        }
    }

    #post(path: string, handle: Handler): void {
        this.#routes.set(path, new Map([["POST", handle]]));
    }

    #openStream(request: HttpRequest, response: HttpResponse, identity: Identity, converter: MessageConverter): void {
        const cid = requireCid(request);
        if (isGone(response)) return; // it left while we found out who it is: nobody would tell us again
        const { sessions } = this.options;
        try {
            sessions.checkRoom(identity.clientId, cid);
        } catch (error) {
            refuseStream(request, response, converter.conventions, error);
            return;
        }
        const asked = readFeatures(header(request, FEATURES_HEADER));
        const agreed = FEATURES.filter((feature) => asked.has(feature));
        const init = {
            identity,
            cid,
            converter,
            address: request.socket.remoteAddress,
            httpVersion: request.httpVersionMajor === 2 ? 2 : 1,
            resumes: asked.has(RESUME_FEATURE),
        } as const;
        // An id that is none of ours says nothing: then a stream is a new one.
        const lastEventId = header(request, "last-event-id");
        const position = parseFrameId(lastEventId) ?? (init.resumes && lastEventId !== undefined ? NOWHERE : undefined);
        const resumption = sessions.resumption(init, position);
        response.writeHead(200, {
            ...this.#streamHeaders,
            ...(agreed.length === 0 ? {} : { [FEATURES_HEADER]: agreed.join(", ") }),
            ...(resumption === undefined || !init.resumes ? {} : { [RESUME_HEADER]: resumption }),
        });
        sessions.open({ ...init, response }, position, resumption);
    }

    /** A client says that it does not come back: nothing is kept for it, and nobody waits for it (PROTOCOL.md, "Resume"). */
    #endSession(request: HttpRequest, response: HttpResponse, identity: Identity): void {
        this.options.sessions.find(identity.clientId, requireCid(request))?.channel.close();
        respond(response, 204);
    }

    async #request(request: HttpRequest, response: HttpResponse, identity: Identity, query: string): Promise<void> {
        const cid = requireCid(request);
        const json = await this.#readJson(request);
        const session = this.options.sessions.find(identity.clientId, cid);
        if (session === undefined) {
            // Ours is to say what is wrong with it; whoever speaks another dialect must hear that its stream is gone.
            unwrap(this.#readInAny((converter) => converter.decodeRequest(json)));
            throw new SseScError("NO_SESSION");
        }
        const message = unwrap(session.channel.converter.decodeRequest(json));
        if (session.isRepeat(message)) {
            respond(response, 201);
            return;
        }
        if (session.peer.openRequests >= this.options.maxPendingRequests) throw new SseScError("TOO_MANY_REQUESTS");
        respond(response, 201);
        session.channel.receive({ ...withCorrelationId(message), senderId: identity.clientId }, { identity, query });
    }

    async #response(request: HttpRequest, response: HttpResponse, identity: Identity): Promise<void> {
        const session = this.#sessionOf(request, identity);
        const json = await this.#readJson(request);
        const converter = this.#converterFor(session, json);
        const message = unwrap(converter.decodeResponse(json));
        respond(response, converter.conventions?.acceptedStatus ?? 204);
        this.options.onResponse(identity, { ...message, senderId: identity.clientId });
    }

    async #notification(request: HttpRequest, response: HttpResponse, identity: Identity): Promise<void> {
        const session = this.#sessionOf(request, identity);
        if (isBatch(request)) {
            await this.#batch(request, response, identity, session);
            return;
        }
        const json = await this.#readJson(request);
        const converter = this.#converterFor(session, json);
        const message = unwrap(converter.decodeNotification(json));
        this.#notify(message, identity, session);
        const stored = this.options.stored();
        if (stored !== undefined) await stored;
        respond(response, converter.conventions?.acceptedStatus ?? 204);
    }

    #notify(message: NotificationMessage, identity: Identity, session: Session | undefined): void {
        const { clientId } = identity;
        if (session?.mayRepeat === true && this.#recent.isRepeat(clientId, session.cid, message.messageId)) return;
        this.options.onNotification(identity, { ...message, senderId: clientId });
    }

    /** The reply says that the batch was read; a line that is no notification is left out. */
    async #batch(
        request: HttpRequest,
        response: HttpResponse,
        identity: Identity,
        session: Session | undefined
    ): Promise<void> {
        const lines = await readLines(request, this.options.maxMessageSize);
        const { conventions } = session?.channel.converter ?? this.options.defaultConverter;
        const converterFor = (json: unknown): MessageConverter => this.#converterFor(session, json);
        const { bad, error } = takeLines(lines, converterFor, this.options.maxDepth, (message) => {
            this.#notify(message, identity, session);
        });
        const stored = this.options.stored();
        if (stored !== undefined) await stored;
        respond(response, conventions?.acceptedStatus ?? 204);
        if (bad > 0) this.options.onError(`${bad} of ${lines.length} lines of a batch of notifications`, error);
    }

    /** The dialect of the session; without one, that which the envelope shows. */
    #converterFor(session: Session | undefined, json: unknown): MessageConverter {
        if (session !== undefined) return session.channel.converter;
        for (const converter of this.#converters) if (this.#recognizes(converter, json)) return converter;
        return this.options.defaultConverter;
    }

    #recognizes(converter: MessageConverter, json: unknown): boolean {
        try {
            return converter.recognizes?.(json) === true;
        } catch (error) {
            this.options.onError(`the dialect ${converter.name}`, error);
            return false;
        }
    }

    /** What the first dialect that can makes of it; if none can, what the default one says. */
    #readInAny<T>(read: (converter: MessageConverter) => Result<T>): Result<T> {
        for (const converter of this.#converters) {
            try {
                const result = read(converter);
                if (result.ok) return result;
            } catch (error) {
                this.options.onError(`the dialect ${converter.name}`, error);
            }
        }
        return read(this.options.defaultConverter);
    }

    #sessionOf(request: HttpRequest, identity: Identity): Session | undefined {
        const cid = header(request, "cid");
        return cid === undefined ? undefined : this.options.sessions.find(identity.clientId, cid);
    }

    #readJson(request: HttpRequest): Promise<unknown> {
        return readJson(request, this.options.maxMessageSize, this.options.maxDepth);
    }
}

function ignore(): void {
    // see where it is used
}

function requireCid(request: HttpRequest): string {
    const cid = header(request, "cid");
    if (cid === undefined || cid === "") throw new SseScError("MISSING_CID");
    return cid;
}

function unwrap<T>(result: Result<T>): T {
    if (!result.ok) throw result.error;
    return result.value;
}

/** Requests without an id are answered with one that we make up; a subscription is just acknowledged (recorded so). */
function withCorrelationId(request: RequestMessage): RequestMessage {
    if (request.correlationId !== "") return request;
    const subscribes = isOperation(request.operation) && operationInfo(request.operation).subscription !== undefined;
    return subscribes ? request : { ...request, correlationId: newId() };
}
