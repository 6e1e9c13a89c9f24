/**
 * Requests that a server sends to the clients that dialled it, and what they answer: agents of a hub, and whoever the application
 * asks something.
 *
 * They go to one session; answers count whichever connection of the client brings them, and no other client's do (design.md, "Hub
 * to agent").
 */
import { SseScError, toSseScError } from "../../lib/errors";
import type { Identity } from "../../lib/identity";
import type { Message, NotificationMessage, RequestMessage, ResponseMessage } from "../../lib/messages";
import { PendingRequests, unknownOutcome, type PendingOptions } from "../../lib/pending-requests";

/** Requests to one client that may wait at once. */
const MAX_PENDING = 10_000;

/** An open connection of a client. */
export interface ClientSession {
    readonly identity: Identity;
    readonly channel: { send(message: Message): unknown };
}

/** What is known of one client that is connected. */
class ClientLink {
    /** In the order in which they were opened, each with the requests that went to it and wait. */
    readonly sessions = new Map<ClientSession, Set<RequestMessage>>();
    readonly pending = new PendingRequests();

    get newest(): ClientSession | undefined {
        return [...this.sessions.keys()].at(-1);
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
    }

    /** A session has ended: what it was asked and has not answered will not be answered. */
    closed(session: ClientSession): void {
        const { clientId } = session.identity;
        const link = this.#links.get(clientId);
        const asked = link?.sessions.get(session);
        if (link === undefined || asked === undefined) return;
        link.sessions.delete(session);
        if (link.sessions.size === 0) this.#links.delete(clientId);
        for (const request of asked) link.pending.reject(request.correlationId, lost(request));
    }

    /** True if the client has an open session. */
    isConnected(clientId: string): boolean {
        return this.#links.has(clientId);
    }

    /**
     * Sends a request to a client and waits for its answer.
     * @param to the client's id: its newest session is asked; or one session
     * @throws SseScError AGENT_OFFLINE if it is not connected; TOO_MANY_REQUESTS; the error that it answers; TIMEOUT, or
     * OUTCOME_UNKNOWN if the request is not safe to repeat, when it does not answer in time; AGENT_OFFLINE or OUTCOME_UNKNOWN when
     * its session ends; ABORTED
     */
    async request(
        to: string | ClientSession,
        request: RequestMessage,
        options: PendingOptions
    ): Promise<ResponseMessage> {
        const link = this.#links.get(typeof to === "string" ? to : to.identity.clientId);
        const session = typeof to === "string" ? link?.newest : to;
        const asked = session === undefined ? undefined : link?.sessions.get(session);
        if (link === undefined || session === undefined || asked === undefined) throw new SseScError("AGENT_OFFLINE");
        if (link.pending.size >= MAX_PENDING) throw new SseScError("TOO_MANY_REQUESTS");
        const answer = link.pending.add(request, options);
        asked.add(request);
        try {
            if (link.pending.leaves(request.correlationId)) session.channel.send(request);
        } catch (error) {
            link.pending.reject(request.correlationId, toSseScError(error));
        }
        return answer.finally(() => asked.delete(request));
    }

    /** An answer came from a client. One that nobody waits for is dropped: it may be late, a second one, or another's. */
    responded(clientId: string, response: ResponseMessage): void {
        this.#links.get(clientId)?.pending.settle(response);
    }

    /** Progress came from a client. @returns the requests that it belongs to */
    progressed(clientId: string, progress: NotificationMessage, actionId: string): readonly RequestMessage[] {
        return this.#links.get(clientId)?.pending.progress(progress, actionId) ?? [];
    }
}

function lost(request: RequestMessage): SseScError {
    const error = unknownOutcome(request, "CONNECTION_LOST");
    return error.code === "OUTCOME_UNKNOWN" ? error : new SseScError("AGENT_OFFLINE", undefined, { cause: error });
}
