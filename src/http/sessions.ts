/** The sessions of a server: one per (client, cid), for as long as it has a stream, and `lingerTime` longer. */
import { SseScError } from "../../lib/errors";
import { FrameBudget } from "../../lib/outbox";
import type { AcceptedChannelOptions } from "./accepted-channel";
import { Session, type SessionHandlers, type StreamInit } from "./session";
import { FrameNumbers, type FramePosition } from "./shared-frames";
import { FlushScheduler } from "./stream-writer";

export interface SessionLimits extends Pick<
    AcceptedChannelOptions,
    "maxStreamBacklog" | "outboxFrames" | "maxFrameSize" | "onError"
> {
    /** Sessions in total, those without a stream included. */
    readonly maxConnections: number;
    /** Sessions of one client. */
    readonly maxConnectionsPerClient: number;
    /** Milliseconds between two heartbeats. */
    readonly heartbeatInterval: number;
    /** Milliseconds for which a session without a stream is kept; 0 keeps none. */
    readonly lingerTime: number;
    /** Bytes that all outboxes together may hold. */
    readonly maxOutboxBytes: number;
}

/** What becomes of a stream that names the last frame that its client has. */
export type Resumption = "resumed" | "gap";

/** The sessions of a server. */
export class Sessions {
    readonly #clients = new Map<string, Map<string, Session>>();
    /** Those without a stream, with their timers; the oldest first. */
    readonly #lingering = new Map<Session, NodeJS.Timeout>();
    readonly #scheduler = new FlushScheduler();
    readonly #numbers = new FrameNumbers();
    readonly #budget: FrameBudget;
    #count = 0;
    #heartbeat: NodeJS.Timeout | undefined;
    #relieving = false;

    constructor(
        private readonly limits: SessionLimits,
        private readonly handlers: SessionHandlers
    ) {
        this.#budget = new FrameBudget(limits.maxOutboxBytes, () => {
            if (this.#relieving) return;
            this.#relieving = true;
            setImmediate(() => {
                this.#relieving = false;
                this.#relieve();
            });
        });
    }

    /** Open streams. */
    get size(): number {
        return this.#count - this.#lingering.size;
    }

    /** Sessions without a stream. */
    get lingering(): number {
        return this.#lingering.size;
    }

    /** Bytes that all outboxes hold. */
    get outboxBytes(): number {
        return this.#budget.bytes;
    }

    /** Clients that have an open stream. */
    get clients(): number {
        let count = 0;
        for (const sessions of this.#clients.values()) {
            if ([...sessions.values()].some(({ lingering }) => !lingering)) count++;
        }
        return count;
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

    /**
     * Makes sure that one more stream may be opened: sessions without one give way.
     * @throws SseScError TOO_MANY_CONNECTIONS
     */
    checkRoom(clientId: string, cid: string): void {
        const ofClient = this.#clients.get(clientId);
        if (ofClient?.has(cid) === true) return; // it takes the place of the old one
        const { maxConnections, maxConnectionsPerClient } = this.limits;
        if ((ofClient?.size ?? 0) >= maxConnectionsPerClient) this.#giveWay(clientId);
        else if (this.#count >= maxConnections) {
            const own = this.#oldestLingering(clientId);
            this.#giveWay(own === undefined ? undefined : clientId);
        }
    }

    /**
     * What a stream would resume, without doing it: the reply says it ahead of the stream.
     * @returns `undefined` for a stream that does not ask for it
     */
    resumption(init: Omit<StreamInit, "response">, position: FramePosition | undefined): Resumption | undefined {
        if (position === undefined) return undefined;
        const session = this.find(init.identity.clientId, init.cid);
        const known = session?.fits(init) === true && position.epoch === this.#numbers.epoch;
        return known && session.channel.reachesBack(position.sequence) ? "resumed" : "gap";
    }

    /**
     * Goes on with the session of this client and cid, or opens one, on a stream whose headers are out.
     * @param position what the client says that it has
     * @param resumption what `resumption` has said of it
     */
    open(init: StreamInit, position?: FramePosition, resumption?: Resumption): Session {
        const old = this.find(init.identity.clientId, init.cid);
        // Who knows nothing of gaps keeps his subscriptions, and gets what is left.
        const goesOn = resumption === "resumed" || (resumption === "gap" && !init.resumes && old?.fits(init) === true);
        if (old === undefined || position === undefined || !goesOn) return this.#openNew(init, old);
        const timer = this.#lingering.get(old);
        clearTimeout(timer);
        this.#lingering.delete(old);
        // A client that names a frame of another life of this server has got none of this one.
        old.stream(init, position.epoch === this.#numbers.epoch ? position.sequence : 0);
        this.handlers.onResumed?.(old);
        return old;
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

    #openNew(init: StreamInit, old: Session | undefined): Session {
        const { clientId } = init.identity;
        const options = { ...this.limits, scheduler: this.#scheduler, numbers: this.#numbers, budget: this.#budget };
        const session = new Session(
            init,
            options,
            this.handlers,
            (lost) => {
                this.#linger(lost);
            },
            (closed) => {
                this.#remove(closed);
            }
        );
        let ofClient = this.#clients.get(clientId);
        if (ofClient === undefined) this.#clients.set(clientId, (ofClient = new Map<string, Session>()));
        ofClient.set(init.cid, session);
        this.#count++;
        this.#heartbeat ??= this.#startHeartbeat();
        session.stream(init);
        this.handlers.onOpened?.(session);
        old?.channel.replace(); // behind it: what a hub has for this client goes to the new one
        return session;
    }

    #linger(session: Session): void {
        const { lingerTime } = this.limits;
        if (lingerTime === 0) {
            session.channel.close();
            return;
        }
        const timer = setTimeout(() => {
            session.channel.close();
        }, lingerTime);
        timer.unref();
        this.#lingering.set(session, timer);
        this.handlers.onStreamLost?.(session);
    }

    #oldestLingering(clientId?: string): Session | undefined {
        for (const session of this.#lingering.keys()) {
            if (clientId === undefined || session.identity.clientId === clientId) return session;
        }
        return undefined;
    }

    #giveWay(clientId: string | undefined): void {
        const session = this.#oldestLingering(clientId);
        if (session === undefined) throw new SseScError("TOO_MANY_CONNECTIONS", undefined, { retryAfter: 5 });
        session.channel.close();
    }

    #remove(session: Session): void {
        const { clientId } = session.identity;
        const ofClient = this.#clients.get(clientId);
        if (ofClient?.get(session.cid) === session) {
            ofClient.delete(session.cid);
            if (ofClient.size === 0) this.#clients.delete(clientId);
        }
        clearTimeout(this.#lingering.get(session));
        this.#lingering.delete(session);
        this.#count--;
        if (this.#count === 0) {
            clearInterval(this.#heartbeat);
            this.#heartbeat = undefined;
        }
        this.handlers.onClosed(session);
    }

    /** The outboxes hold too much. Sessions without a stream go first, then what has left, then the slowest reader's backlog. */
    #relieve(): void {
        const enough = (): boolean => this.#budget.bytes <= this.limits.maxOutboxBytes * 0.9;
        for (const session of this.#lingering.keys()) {
            if (enough()) break;
            session.channel.close();
        }
        for (const session of this.values()) {
            if (enough()) break;
            session.channel.forgetSent();
        }
        if (enough()) return;
        const slowest = [...this.values()].sort((a, b) => b.channel.backlog - a.channel.backlog);
        for (const session of slowest) {
            if (enough()) break;
            session.channel.drop();
        }
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
