/**
 * Requests that a server sends to the clients that dialled it, and what they answer: agents of a hub, and whoever the application
 * asks something.
 *
 * They queue per client, not per session: while a client has no stream, but a session that lingers, they wait for the stream that it
 * opens next. Answers count whichever connection of the client brings them, and no other client's do (design.md, "Hub to agent").
 */
import { SseScError, toSseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import type { NotificationMessage, RequestMessage, ResponseMessage } from "../../lib/messages";
import type { Frame } from "../../lib/outbox";
import { PendingRequests, unknownOutcome, type PendingOptions } from "../../lib/pending-requests";

/** Requests to one client that may wait at once. */
const MAX_PENDING = 10_000;

/** A connection of a client. */
export interface ClientSession {
    readonly identity: Identity;
    /** True while it has no stream. */
    readonly lingering: boolean;
    /** Sends a request. @returns the frame, for `retract` */
    put(request: RequestMessage): Frame;
    readonly channel: {
        /** Takes a message back. @returns true if it had not left */
        retract(frame: Frame): boolean;
    };
}

/** A request that was put into the outbox of a session. */
interface Asked {
    readonly session: ClientSession;
    readonly frame: Frame;
}

/** What is known of one client that has a session. */
class ClientLink {
    /** In the order in which they were opened or resumed, each with the requests that went to it and wait. */
    readonly sessions = new Map<ClientSession, Set<RequestMessage>>();
    readonly pending = new PendingRequests();
    readonly asked = new Map<RequestMessage, Asked>();
    /** Those that no session has got. */
    readonly waiting = new Set<RequestMessage>();

    /** The newest session with a stream. */
    get live(): ClientSession | undefined {
        return [...this.sessions.keys()].filter(({ lingering }) => !lingering).at(-1);
    }
}

/** The requests to the clients of one server that wait for their answers. */
export class ClientRequests {
    readonly #links = new Map<string, ClientLink>();

    /** Requests that wait. */
    get size(): number {
        let size = 0;
        for (const { pending } of this.#links.values()) size += pending.size;
        return size;
    }

    /** A session was opened. */
    opened(session: ClientSession): void {
        const { clientId } = session.identity;
        let link = this.#links.get(clientId);
        if (link === undefined) this.#links.set(clientId, (link = new ClientLink()));
        link.sessions.set(session, new Set());
        this.#sendWaiting(link, session);
    }

    /** A session has a stream again: it is the newest one now. */
    resumed(session: ClientSession): void {
        const link = this.#links.get(session.identity.clientId);
        const asked = link?.sessions.get(session);
        if (link === undefined || asked === undefined) return;
        link.sessions.delete(session);
        link.sessions.set(session, asked);
        this.#sendWaiting(link, session);
    }

    /**
     * A session is gone: what it was asked and has not answered will not be answered, unless it has not left yet, or may be done twice,
     * and another session of the client can be asked.
     */
    closed(session: ClientSession): void {
        const { clientId } = session.identity;
        const link = this.#links.get(clientId);
        const requests = link?.sessions.get(session);
        if (link === undefined || requests === undefined) return;
        link.sessions.delete(session);
        if (link.sessions.size === 0) this.#links.delete(clientId);
        for (const request of requests) {
            const error = lost(request);
            if (link.sessions.size > 0 && error.code === "AGENT_OFFLINE") this.#send(link, link.live, request);
            else link.pending.reject(request.correlationId, error);
        }
        if (link.sessions.size > 0) return;
        for (const { correlationId } of [...link.waiting]) {
            link.pending.reject(correlationId, new SseScError("AGENT_OFFLINE"));
        }
    }

    /** True if the client has a session, with a stream or lingering. */
    isConnected(clientId: string): boolean {
        return this.#links.has(clientId);
    }

    /**
     * Sends a request to a client and waits for its answer.
     * @param to the client's id: its newest session is asked, or the next one while those that it has linger; or one session
     * @throws SseScError AGENT_OFFLINE if it has no session, or does not come back in time; TOO_MANY_REQUESTS; the error that it
     * answers; TIMEOUT, or OUTCOME_UNKNOWN if the request is not safe to repeat, when it does not answer in time; AGENT_OFFLINE or
     * OUTCOME_UNKNOWN when its session is gone; ABORTED
     */
    async request(
        to: string | ClientSession,
        request: RequestMessage,
        options: PendingOptions
    ): Promise<ResponseMessage> {
        const link = this.#links.get(typeof to === "string" ? to : to.identity.clientId);
        if (link === undefined || (typeof to !== "string" && !link.sessions.has(to))) {
            throw new SseScError("AGENT_OFFLINE");
        }
        if (link.pending.size >= MAX_PENDING) throw new SseScError("TOO_MANY_REQUESTS");
        const answer = link.pending.add(request, options);
        if (link.pending.has(request.correlationId)) this.#send(link, typeof to === "string" ? link.live : to, request);
        try {
            return await answer;
        } catch (thrown) {
            throw this.#takeBack(link, request) && isTimeout(thrown) ? offline(thrown) : thrown;
        } finally {
            this.#forget(link, request);
        }
    }

    /** An answer came from a client. One that nobody waits for is dropped: it may be late, a second one, or another's. */
    responded(clientId: string, response: ResponseMessage): void {
        this.#links.get(clientId)?.pending.settle(response);
    }

    /** Progress came from a client. @returns the requests that it belongs to */
    progressed(clientId: string, progress: NotificationMessage, actionId: string): readonly RequestMessage[] {
        return this.#links.get(clientId)?.pending.progress(progress, actionId) ?? [];
    }

    #sendWaiting(link: ClientLink, session: ClientSession): void {
        for (const request of [...link.waiting]) this.#send(link, session, request);
    }

    #send(link: ClientLink, session: ClientSession | undefined, request: RequestMessage): void {
        if (session === undefined) {
            link.waiting.add(request);
            return;
        }
        link.waiting.delete(request);
        try {
            link.pending.leaves(request.correlationId);
            link.asked.set(request, { session, frame: session.put(request) });
            link.sessions.get(session)?.add(request);
        } catch (error) {
            link.pending.reject(request.correlationId, toSseScError(error));
        }
    }

    /** Nobody waits for it any more, so it must not be sent (again). @returns true if it had not left */
    #takeBack(link: ClientLink, request: RequestMessage): boolean {
        if (link.waiting.delete(request)) return true;
        const asked = link.asked.get(request);
        return asked?.session.channel.retract(asked.frame) === true;
    }

    #forget(link: ClientLink, request: RequestMessage): void {
        link.waiting.delete(request);
        const asked = link.asked.get(request);
        link.asked.delete(request);
        if (asked !== undefined) link.sessions.get(asked.session)?.delete(request);
    }
}

function lost(request: RequestMessage): SseScError {
    const error = unknownOutcome(request, "CONNECTION_LOST");
    return error.code === "OUTCOME_UNKNOWN" ? error : offline(error);
}

function offline(cause: unknown): SseScError {
    return new SseScError("AGENT_OFFLINE", undefined, { cause });
}

function isTimeout(thrown: unknown): boolean {
    return thrown instanceof SseScError && (thrown.code === "TIMEOUT" || thrown.code === "OUTCOME_UNKNOWN");
}
