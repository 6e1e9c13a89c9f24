/**
 * Which requests of a session were taken already, so that one whose POST is repeated is not carried out again (design.md, "Delivery",
 * "Repeated requests"): only those that are not safe to do twice, only where the client negotiated it, and gone with the session.
 */
import type { RequestMessage } from "../../lib/messages";
import { isOperation, operationInfo } from "../../lib/operations";
import type { Frame } from "../../lib/outbox";

/** Requests that are remembered; those under way, which `maxPendingRequests` bounds, come on top. */
const MAX_REQUESTS = 1_000;
/** Bytes of their responses. */
const MAX_BYTES = 1024 * 1024;

interface Taken {
    readonly messageId: string;
    /** The response; absent before there is one, and where it took too much room. */
    response: Frame | undefined;
}

/** The requests of one session. */
export class RecentRequests {
    /** By message id. */
    readonly #taken = new Map<string, Taken>();
    /** Those without a response, by correlation id. */
    readonly #open = new Map<string, Taken>();
    /** Those with a response, in the order in which they were answered. */
    readonly #answered = new Set<Taken>();
    /** Of those the ones whose response is kept, in the same order. */
    readonly #kept = new Set<Taken>();
    #bytes = 0;

    /** The request of this message id that was taken before; notes it if there is none. */
    repeated({ operation, messageId, correlationId }: RequestMessage): Taken | undefined {
        if (messageId === "" || !isOperation(operation)) return undefined;
        const { safe, affordance } = operationInfo(operation);
        if (safe || affordance === undefined || operation === "cancelaction") return undefined;
        const known = this.#taken.get(messageId);
        if (known !== undefined) return known;
        const taken: Taken = { messageId, response: undefined };
        this.#taken.set(messageId, taken);
        this.#open.set(correlationId, taken);
        return undefined;
    }

    /** A response leaves. */
    answered(correlationId: string, response: Frame): void {
        const taken = this.#open.get(correlationId);
        if (taken === undefined) return;
        this.#open.delete(correlationId);
        taken.response = response;
        this.#answered.add(taken);
        this.#kept.add(taken);
        this.#bytes += response.bytes.length;
        for (const oldest of this.#kept) {
            if (this.#bytes <= MAX_BYTES) break;
            this.#giveUpResponse(oldest);
        }
        for (const oldest of this.#answered) {
            if (this.#answered.size <= MAX_REQUESTS) break;
            this.#giveUpResponse(oldest);
            this.#answered.delete(oldest);
            this.#taken.delete(oldest.messageId);
        }
    }

    #giveUpResponse(taken: Taken): void {
        this.#kept.delete(taken);
        this.#bytes -= taken.response?.bytes.length ?? 0;
        taken.response = undefined;
    }
}
