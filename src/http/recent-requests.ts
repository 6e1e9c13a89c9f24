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
    readonly correlationId: string;
    answered: boolean;
    /** The response; absent before there is one, and where it took too much room. */
    response: Frame | undefined;
}

/** The requests of one session. */
export class RecentRequests {
    /** By message id, in the order in which they came. */
    readonly #taken = new Map<string, Taken>();
    readonly #open = new Map<string, Taken>();
    #bytes = 0;

    /** The request of this message id that was taken before; notes it if there is none. */
    repeated({ operation, messageId, correlationId }: RequestMessage): Taken | undefined {
        if (messageId === "" || !isOperation(operation)) return undefined;
        const { safe, affordance } = operationInfo(operation);
        if (safe || affordance === undefined || operation === "cancelaction") return undefined;
        const known = this.#taken.get(messageId);
        if (known !== undefined) return known;
        const taken: Taken = { messageId, correlationId, answered: false, response: undefined };
        this.#taken.set(messageId, taken);
        this.#open.set(correlationId, taken);
        return undefined;
    }

    /** A response leaves. */
    answered(correlationId: string, response: Frame): void {
        const taken = this.#open.get(correlationId);
        if (taken === undefined) return;
        this.#open.delete(correlationId);
        taken.answered = true;
        taken.response = response;
        this.#bytes += response.bytes.length;
        for (const oldest of this.#taken.values()) {
            const tooMany = this.#taken.size - this.#open.size > MAX_REQUESTS;
            if (!tooMany && this.#bytes <= MAX_BYTES) break;
            if (!oldest.answered) continue;
            this.#bytes -= oldest.response?.bytes.length ?? 0;
            oldest.response = undefined;
            if (tooMany) this.#taken.delete(oldest.messageId);
        }
    }
}
