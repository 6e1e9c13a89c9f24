/** The invocations of the actions of one server: what `queryaction`, `queryallactions` and `cancelaction` ask for. */
import { SseScError, toProblem, toSseScError } from "../../lib/errors";
import { createRecord } from "../../lib/json";
import { createResponse, now, type RequestMessage, type ResponseMessage } from "../../lib/messages";

/** How many invocations of one Thing are remembered; beyond it the oldest one is forgotten. */
const MAX_INVOCATIONS = 1_000;

interface Invocation {
    readonly request: RequestMessage;
    readonly controller: AbortController;
    status: ResponseMessage;
}

/** Equal action ids of two clients must not collide (protocol.md, "Known weaknesses"). */
function keyOf({ senderId, correlationId }: RequestMessage): string {
    return `${senderId}\n${correlationId}`;
}

/** Invocations by Thing, client and action id (the correlation id of the request), the newest last. */
export class Invocations {
    readonly #things = new Map<string, Map<string, Invocation>>();

    /**
     * Runs an action and keeps its status.
     * @param run gets the signal that `cancelaction` raises
     * @returns what `run` returns
     * @throws what `run` throws; CANCELLED if it throws after it was cancelled
     */
    async run(request: RequestMessage, run: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
        const invocation: Invocation = {
            request,
            controller: new AbortController(),
            status: { ...createResponse(request, {}), status: "running" },
        };
        this.#remember(invocation);
        try {
            const output = await run(invocation.controller.signal);
            invocation.status = createResponse(request, { output });
            return output;
        } catch (thrown) {
            const error = invocation.controller.signal.aborted
                ? new SseScError("CANCELLED", undefined, { cause: thrown })
                : toSseScError(thrown, "HANDLER_FAILED");
            invocation.status = createResponse(request, { error: toProblem(error) });
            throw error;
        }
    }

    /** Notes the progress of a running action. */
    progress(request: RequestMessage, output: unknown): void {
        const invocation = this.#things.get(request.thingId)?.get(keyOf(request));
        if (invocation?.status.status !== "running") return;
        invocation.status = { ...invocation.status, output, timestamp: now() };
    }

    /** True while the invocation of this request has neither ended nor been forgotten. */
    isRunning(request: RequestMessage): boolean {
        return this.#things.get(request.thingId)?.get(keyOf(request))?.status.status === "running";
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
        for (const { request, status } of this.#things.get(thingId)?.values() ?? []) statuses[request.name] = status;
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
        for (const { controller } of invocations?.values() ?? []) controller.abort(new SseScError("CANCELLED"));
    }

    /** Forgets the invocations of all Things. */
    forgetAll(): void {
        for (const thingId of [...this.#things.keys()]) this.forget(thingId);
    }

    #remember(invocation: Invocation): void {
        const { thingId } = invocation.request;
        const key = keyOf(invocation.request);
        let invocations = this.#things.get(thingId);
        if (invocations === undefined) this.#things.set(thingId, (invocations = new Map<string, Invocation>()));
        invocations.delete(key);
        invocations.set(key, invocation);
        if (invocations.size > MAX_INVOCATIONS) {
            const [oldest] = invocations.keys();
            if (oldest !== undefined) invocations.delete(oldest);
        }
    }

    /**
     * By action id, the caller's own before anybody else's; without one the caller's own latest one of that action
     * (design.md, "Peer and channel").
     */
    #find({ thingId, name, input, senderId }: RequestMessage): Invocation {
        if (input !== undefined && input !== null && typeof input !== "string") throw new SseScError("INVALID_INPUT");
        const id = input ?? "";
        let found: Invocation | undefined;
        for (const invocation of this.#things.get(thingId)?.values() ?? []) {
            const { request } = invocation;
            const own = request.senderId === senderId;
            if (request.name !== name || (id === "" ? !own : request.correlationId !== id)) continue;
            if (own || found?.request.senderId !== senderId) found = invocation;
        }
        if (found === undefined) throw new SseScError("NO_INVOCATION");
        return found;
    }
}
