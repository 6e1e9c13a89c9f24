/** The HTTP/2 sessions of a listener: closes those that nobody uses, and finds those whose peer no longer answers. */
import type { ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { lookAgain, type ConnectionTimeouts } from "./connection-timeouts";

/** Bytes of the answer to a ping: frame header and payload (RFC 9113, sections 4.1 and 6.7). */
const PING_FRAME = 17;

/** What is known of one session; times are monotonic. */
interface Watched {
    /** The TCP connection, which may outlive the session: its peer need not take the end of it. */
    readonly socket: Socket;
    openStreams: number;
    /** True once it has opened a stream. */
    used: boolean;
    /** Since when it has no stream. */
    idleSince: number;
    /** When it was pinged, or else when it began. */
    pingedAt: number;
    awaitsAnswer: boolean;
    /** Bytes that had been read when an answer came and nothing else with it: no header block can be open then. */
    cleanAt: number;
    /** When it was seen to be at its end. */
    closedAt: number | undefined;
}

/**
 * All sessions, looked after with one timer.
 *
 * A header block that does not end (CONTINUATION) shows up nowhere in Node. But its peer must not send anything in between (RFC 9113,
 * section 6.10), not even the answer to a ping: so who sends is pinged sooner than who is quiet.
 */
export class Http2Sessions {
    readonly #sessions = new Map<ServerHttp2Session, Watched>();
    #end: (() => void) | undefined;

    constructor(private readonly timeouts: ConnectionTimeouts) {}

    /**
     * Takes a new session in its charge.
     * @param socket its TCP connection
     */
    add(session: ServerHttp2Session, socket: Socket): void {
        const now = performance.now();
        const watched: Watched = {
            socket,
            openStreams: 0,
            used: false,
            idleSince: now,
            pingedAt: now,
            awaitsAnswer: false,
            cleanAt: 0,
            closedAt: undefined,
        };
        this.#sessions.set(session, watched);
        session.on("stream", (stream: ServerHttp2Stream) => {
            watched.used = true;
            watched.openStreams++;
            stream.once("close", () => {
                watched.openStreams--;
                if (watched.openStreams === 0) watched.idleSince = performance.now();
            });
        });
        socket.once("close", () => {
            this.#sessions.delete(session);
            if (this.#sessions.size > 0) return;
            this.#end?.();
            this.#end = undefined;
        });
        this.#end ??= lookAgain(this.timeouts.check, (time) => {
            for (const [each, known] of this.#sessions) this.#look(each, known, time);
        });
    }

    /** Lets what is under way end, and takes nothing new. */
    closeAll(): void {
        for (const session of this.#sessions.keys()) session.close();
    }

    destroyAll(): void {
        for (const session of this.#sessions.keys()) session.destroy();
    }

    #look(session: ServerHttp2Session, watched: Watched, now: number): void {
        const { timeouts } = this;
        if (session.destroyed || (session.closed && watched.openStreams === 0)) {
            watched.closedAt ??= now;
            if (now - watched.closedAt >= timeouts.goodbye) watched.socket.destroy();
        } else if (isIdle(watched, now, timeouts)) {
            session.close(); // GOAWAY, so that a request which is on its way is known to be safe to repeat
        } else if (watched.awaitsAnswer) {
            if (now - watched.pingedAt >= timeouts.pingAnswer) watched.socket.destroy();
        } else if (isPingDue(session, watched, now, timeouts)) {
            ping(session, watched, now);
        }
    }
}

function isIdle(watched: Watched, now: number, { keepAlive, headers }: ConnectionTimeouts): boolean {
    return watched.openStreams === 0 && now - watched.idleSince >= (watched.used ? keepAlive : headers);
}

function isPingDue(session: ServerHttp2Session, watched: Watched, now: number, timeouts: ConnectionTimeouts): boolean {
    const since = now - watched.pingedAt;
    if (since < timeouts.busyPing) return false;
    if (session.socket.bytesRead !== watched.cleanAt) return true;
    return watched.openStreams > 0 && since >= timeouts.ping;
}

function ping(session: ServerHttp2Session, watched: Watched, now: number): void {
    const before = session.socket.bytesRead;
    watched.pingedAt = now;
    watched.awaitsAnswer = session.ping((error) => {
        if (error !== null) return;
        watched.awaitsAnswer = false;
        if (session.destroyed) return;
        const after = session.socket.bytesRead;
        if (after - before === PING_FRAME) watched.cleanAt = after;
    });
}
