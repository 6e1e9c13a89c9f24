/** The sessions of a server: one per (client, cid), for as long as its stream is open. */
import { SseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import type { MessageConverter } from "../../lib/converters/converter";
import { Peer, type RequestHandler } from "../../lib/peer";
import type { RequestMessage } from "../../lib/messages";
import { AcceptedChannel, type AcceptedChannelOptions, type SharedFrames } from "./accepted-channel";
import type { HttpResponse } from "./exchange";
import { FlushScheduler } from "./stream-writer";

/** Longest delay of a timer: longer ones fire at once. */
const MAX_DELAY = 2 ** 31 - 1;

/** What a stream that is opened brings with it. */
export interface SessionInit {
    /** Who opens the stream. */
    readonly identity: Identity;
    /** Connection id that the client chose. */
    readonly cid: string;
    readonly converter: MessageConverter;
    /** Its headers are out. */
    readonly response: HttpResponse;
    /** IP address that the stream comes from. */
    readonly address: string | undefined;
    readonly httpVersion: 1 | 2;
    /** True if the client said that it is a peer of ours, which repeats what may not have been taken. */
    readonly mayRepeat: boolean;
}

/** One open stream and the POSTs that belong to it. */
export class Session {
    /** When the stream was opened, in milliseconds since the epoch. */
    readonly since = Date.now();
    readonly peer: Peer;
    readonly identity: Identity;
    readonly cid: string;
    readonly address: string | undefined;
    readonly httpVersion: 1 | 2;
    readonly mayRepeat: boolean;
    #expiry: NodeJS.Timeout | undefined;

    constructor(
        { identity, cid, address, httpVersion, mayRepeat }: SessionInit,
        readonly channel: AcceptedChannel,
        handlers: SessionHandlers
    ) {
        this.identity = identity;
        this.cid = cid;
        this.address = address;
        this.httpVersion = httpVersion;
        this.mayRepeat = mayRepeat;
        this.peer = new Peer(channel, {
            onRequest: (request, context) => handlers.onRequest(this, request, context),
            answersAs: handlers.answersAs,
        });
        if (identity.expiresAt !== undefined) this.#endAt(identity.expiresAt);
    }

    /** Sends a message that others get too. */
    notify(frames: SharedFrames): void {
        this.channel.sendShared(frames);
    }

    /** Gives back what the session holds; its channel is closed. */
    dispose(): void {
        clearTimeout(this.#expiry);
    }

    /** A stream never outlives the credential that opened it. */
    #endAt(time: number): void {
        const delay = Math.min(Math.max(time - Date.now(), 0), MAX_DELAY);
        this.#expiry = setTimeout(() => {
            if (Date.now() >= time) this.channel.close();
            else this.#endAt(time);
        }, delay);
    }
}

/** What a server does with what its sessions bring. */
export interface SessionHandlers {
    /** Answers a request: the output, or a SseScError for the caller. */
    onRequest(session: Session, ...request: Parameters<RequestHandler>): ReturnType<RequestHandler>;
    /** Who answers a request: a client's id, or nobody's for the server's own Things. */
    readonly answersAs?: (request: RequestMessage) => string;
    /** Called once for each session, when it is open. */
    onOpened?(session: Session): void;
    /** Called once for each session that has ended. */
    onClosed(session: Session): void;
}

export interface SessionLimits extends Omit<AcceptedChannelOptions, "converter" | "scheduler"> {
    /** Sessions in total. */
    readonly maxConnections: number;
    /** Sessions of one client. */
    readonly maxConnectionsPerClient: number;
    /** Milliseconds between two heartbeats. */
    readonly heartbeatInterval: number;
}

/** The sessions of a server. */
export class Sessions {
    readonly #clients = new Map<string, Map<string, Session>>();
    readonly #scheduler = new FlushScheduler();
    #count = 0;
    #heartbeat: NodeJS.Timeout | undefined;

    constructor(
        private readonly limits: SessionLimits,
        private readonly handlers: SessionHandlers
    ) {}

    /** Open streams. */
    get size(): number {
        return this.#count;
    }

    /** Clients that have an open stream. */
    get clients(): number {
        return this.#clients.size;
    }

    /** Requests that wait for their answer. */
    get openRequests(): number {
        let sum = 0;
        for (const { peer } of this.values()) sum += peer.openRequests;
        return sum;
    }

    *values(): IterableIterator<Session> {
        for (const sessions of this.#clients.values()) yield* sessions.values();
    }

    /** The session of a client's connection. */
    find(clientId: string, cid: string): Session | undefined {
        return this.#clients.get(clientId)?.get(cid);
    }

    /** Makes sure that one more session may be opened. @throws SseScError TOO_MANY_CONNECTIONS */
    checkRoom(clientId: string, cid: string): void {
        const ofClient = this.#clients.get(clientId);
        if (ofClient?.has(cid) === true) return; // it takes the place of the old one
        if (this.#count >= this.limits.maxConnections || (ofClient?.size ?? 0) >= this.limits.maxConnectionsPerClient) {
            throw new SseScError("TOO_MANY_CONNECTIONS", undefined, { retryAfter: 5 });
        }
    }

    /** Opens a session on a stream whose headers are out; one with the same client and cid is replaced. */
    open(init: SessionInit): Session {
        const { identity, cid, converter, response } = init;
        this.find(identity.clientId, cid)?.channel.replace();
        const options = { ...this.limits, converter, scheduler: this.#scheduler };
        const channel = new AcceptedChannel(response, options, () => {
            this.#remove(session);
        });
        const session = new Session(init, channel, this.handlers);
        let ofClient = this.#clients.get(identity.clientId);
        if (ofClient === undefined) this.#clients.set(identity.clientId, (ofClient = new Map<string, Session>()));
        ofClient.set(cid, session);
        this.#count++;
        this.#heartbeat ??= this.#startHeartbeat();
        channel.open();
        this.handlers.onOpened?.(session);
        return session;
    }

    /** Ends the sessions of a client: those of one token session, or all. */
    endOf(clientId: string, sessionId?: string): void {
        for (const session of [...(this.#clients.get(clientId)?.values() ?? [])]) {
            if (sessionId === undefined || session.identity.sessionId === sessionId) session.channel.close();
        }
    }

    /** Ends all sessions after what waits has been written. */
    endAll(): void {
        for (const session of [...this.values()]) session.channel.close();
    }

    #remove(session: Session): void {
        const { clientId } = session.identity;
        const ofClient = this.#clients.get(clientId);
        if (ofClient?.get(session.cid) === session) {
            ofClient.delete(session.cid);
            if (ofClient.size === 0) this.#clients.delete(clientId);
        }
        session.dispose();
        this.#count--;
        if (this.#count === 0) {
            clearInterval(this.#heartbeat);
            this.#heartbeat = undefined;
        }
        this.handlers.onClosed(session);
    }

    /** One timer for all streams. */
    #startHeartbeat(): NodeJS.Timeout {
        const timer = setInterval(() => {
            for (const session of this.values()) session.channel.heartbeat();
        }, this.limits.heartbeatInterval);
        timer.unref();
        return timer;
    }
}
