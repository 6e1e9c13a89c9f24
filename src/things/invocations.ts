/** The invocations of the actions of one server: what `queryaction`, `queryallactions` and `cancelaction` ask for. */
import { SseScError, toProblem, toSseScError } from "../../lib/errors";
import { createRecord } from "../../lib/json";
import { createResponse, now, type RequestMessage, type ResponseMessage } from "../../lib/messages";

/** How many invocations of one Thing that have ended are remembered; beyond it the one that ended first is forgotten. */
const MAX_ENDED = 100;

interface Invocation {
    /** Without its input, which may be large and is of no use any more. */
    readonly request: RequestMessage;
    readonly controller: AbortController;
    status: ResponseMessage;
}

/** Rejects with CANCELLED when the signal is raised. */
function cancelled(signal: AbortSignal): Promise<never> {
    return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
            reject(new SseScError("CANCELLED"));
        });
    });
}

/** Equal action ids of two clients must not collide (protocol.md, "Known weaknesses"). */
function keyOf({ senderId, correlationId }: RequestMessage): string {
    return `${senderId}\n${correlationId}`;
}

/** Invocations of one Thing by client and action id, in the order in which they began. */
interface ThingInvocations {
    readonly all: Map<string, Invocation>;
    /** Keys of those that have ended, in that order. */
    readonly ended: Set<string>;
}

/** The invocations on the Things of one server. */
export class Invocations {
    readonly #things = new Map<string, ThingInvocations>();

    /**
     * Runs an action and keeps its status. A cancelled invocation ends at once, whether its handler minds the signal or not:
     * nobody waits for a handler that never answers.
     * @param run gets the signal that `cancelaction` raises
     * @returns what `run` returns
     * @throws what `run` throws; CANCELLED if it was cancelled before it ended
     */
    async run(request: RequestMessage, run: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
        const invocation: Invocation = {
            request: { ...request, input: undefined },
            controller: new AbortController(),
            status: { ...createResponse(request, {}), status: "running" },
        };
        this.#remember(invocation);
        try {
            const { signal } = invocation.controller;
            const output = await Promise.race([run(signal), cancelled(signal)]);
            invocation.status = createResponse(request, { output });
            return output;
        } catch (thrown) {
            const error = toSseScError(thrown, "HANDLER_FAILED");
            invocation.status = createResponse(request, { error: toProblem(error) });
            throw error;
        } finally {
            this.#ended(invocation);
        }
    }

    /** Notes the progress of a running action. */
    progress(request: RequestMessage, output: unknown): void {
        const invocation = this.#things.get(request.thingId)?.all.get(keyOf(request));
        if (invocation?.status.status !== "running") return;
        invocation.status = { ...invocation.status, output, timestamp: now() };
    }

    /** True while the invocation of this request has neither ended nor been forgotten. */
    isRunning(request: RequestMessage): boolean {
        return this.#things.get(request.thingId)?.all.get(keyOf(request))?.status.status === "running";
    }

    /**
     * The status of the invocation that a `queryaction` asks for.
     * @throws SseScError NO_INVOCATION, INVALID_INPUT
     */
    query(request: RequestMessage): ResponseMessage {
        return this.#find(request).status;
    }

    /** The latest status of each action of a Thing, by name. */
    queryAll(thingId: string): Record<string, ResponseMessage> {
        const statuses = createRecord<ResponseMessage>();
        for (const { request, status } of this.#things.get(thingId)?.all.values() ?? [])
            statuses[request.name] = status;
        return statuses;
    }

    /**
     * Raises the signal of an invocation; one that has ended already is left as it is.
     * @throws SseScError NO_INVOCATION, INVALID_INPUT
     */
    cancel(request: RequestMessage): void {
        this.#find(request).controller.abort(new SseScError("CANCELLED"));
    }

    /** Cancels what runs on a Thing and forgets it: the Thing is not exposed any more. */
    forget(thingId: string): void {
        const invocations = this.#things.get(thingId);
        this.#things.delete(thingId);
        for (const { controller } of invocations?.all.values() ?? []) controller.abort(new SseScError("CANCELLED"));
    }

    /** Forgets the invocations of all Things. */
    forgetAll(): void {
        for (const thingId of [...this.#things.keys()]) this.forget(thingId);
    }

    #remember(invocation: Invocation): void {
        const { thingId } = invocation.request;
        const key = keyOf(invocation.request);
        let invocations = this.#things.get(thingId);
        if (invocations === undefined) this.#things.set(thingId, (invocations = { all: new Map(), ended: new Set() }));
        invocations.all.delete(key); // an id that is used again belongs to the new one
        invocations.ended.delete(key);
        invocations.all.set(key, invocation);
    }

    #ended(invocation: Invocation): void {
        const invocations = this.#things.get(invocation.request.thingId);
        const key = keyOf(invocation.request);
        if (invocations?.all.get(key) !== invocation) return;
        invocations.ended.add(key);
        const [oldest] = invocations.ended;
        if (oldest === undefined || invocations.ended.size <= MAX_ENDED) return;
        invocations.ended.delete(oldest);
        invocations.all.delete(oldest);
    }

    /**
     * By action id, the caller's own before anybody else's; without one the caller's own latest one of that action
     * (design.md, "Peer and channel").
     */
    #find({ thingId, name, input, senderId }: RequestMessage): Invocation {
        if (input !== undefined && input !== null && typeof input !== "string") throw new SseScError("INVALID_INPUT");
        const id = input ?? "";
        let found: Invocation | undefined;
        for (const invocation of this.#things.get(thingId)?.all.values() ?? []) {
            const { request } = invocation;
            const own = request.senderId === senderId;
            if (request.name !== name || (id === "" ? !own : request.correlationId !== id)) continue;
            if (own || found?.request.senderId !== senderId) found = invocation;
        }
        if (found === undefined) throw new SseScError("NO_INVOCATION");
        return found;
    }
}
