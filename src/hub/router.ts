/**
 * Passes requests on to the agents whose Things they are for, and what comes back to those who asked (design.md, "Hub to agent").
 * Each hop has correlation ids of its own, so equal ones of two consumers never meet.
 */
import { actionIdOf, mapActionIds, mapProgress } from "../../lib/action-ids";
import { createRequest, type NotificationMessage, type RequestMessage, type ResponseMessage } from "../../lib/messages";
import { ActionIds } from "./action-ids";

/** The way to agents that are connected. */
export interface AgentRequests {
    /** Sends a request to an agent and waits for its answer. @throws SseScError that is meant for who asked */
    request(agent: string, request: RequestMessage, options: { readonly timeout: number }): Promise<ResponseMessage>;
    /** Hands progress on to the requests that it belongs to. @returns those */
    progressed(agent: string, progress: NotificationMessage, actionId: string): readonly RequestMessage[];
}

/** Progress as one caller sees it. */
export interface RoutedProgress<Caller> {
    readonly caller: Caller;
    readonly progress: NotificationMessage;
}

interface UnderWay<Caller> {
    readonly caller: Caller;
    readonly request: RequestMessage;
}

/** Passes requests on to agents. `Caller` stands for whoever asked; nothing is known of it here. */
export class Router<Caller> {
    readonly #actionIds = new ActionIds();
    /** Invocations that have not ended, by the correlation id that the agent knows. */
    readonly #underWay = new Map<string, UnderWay<Caller>>();

    /** @param timeout milliseconds that an agent has to answer; progress starts them anew */
    constructor(
        private readonly agents: AgentRequests,
        private readonly timeout: number
    ) {}

    /**
     * Passes a request on.
     * @param agent client id of the agent
     * @param query uriVariables that came with it, as the text of a query
     * @returns the output of its response, with action ids as callers know them
     * @throws SseScError AGENT_OFFLINE, TIMEOUT, OUTCOME_UNKNOWN, TOO_MANY_REQUESTS, or the agent's own error
     */
    async forward(agent: string, caller: Caller, request: RequestMessage, query = ""): Promise<unknown> {
        const { operation, thingId, name, senderId } = request;
        const passedOn: RequestMessage = {
            ...createRequest({ operation, thingId, name, input: this.#inputFor(agent, request), query }),
            senderId,
        };
        const id = passedOn.correlationId;
        if (operation === "invokeaction") {
            this.#actionIds.add(agent, request, id);
            this.#underWay.set(id, { caller, request });
        }
        try {
            const { output } = await this.agents.request(agent, passedOn, { timeout: this.timeout });
            return mapActionIds(operation, output, (agentsId) => this.#callersId(agent, agentsId));
        } finally {
            this.#underWay.delete(id);
        }
    }

    /**
     * Progress came from an agent: whom it is for, each with the ids that he knows.
     * @returns the callers, and what those hear who only observe the action
     */
    progressed(
        agent: string,
        progress: NotificationMessage
    ): { readonly callers: readonly RoutedProgress<Caller>[]; readonly forObservers: NotificationMessage } {
        const agentsId = actionIdOf(progress);
        const callers: RoutedProgress<Caller>[] = [];
        for (const { correlationId } of this.agents.progressed(agent, progress, agentsId)) {
            const found = this.#underWay.get(correlationId);
            if (found === undefined) continue;
            const mapped = mapProgress(progress, found.request.correlationId);
            callers.push({ caller: found.caller, progress: mapped });
        }
        const [first] = callers;
        if (first !== undefined) return { callers, forObservers: first.progress };
        // Of an invocation that nobody waits for any more, or that did not come this way
        const actionId = agentsId === "" ? "" : this.#callersId(agent, agentsId);
        return { callers, forObservers: mapProgress(progress, actionId) };
    }

    /** `queryaction` and `cancelaction` may name an action. */
    #inputFor(agent: string, request: RequestMessage): unknown {
        const { operation, input } = request;
        const namesAction = operation === "queryaction" || operation === "cancelaction";
        if (!namesAction || typeof input !== "string" || input === "") return input;
        return this.#actionIds.agentsIdFor(agent, request, input);
    }

    #callersId(agent: string, agentsId: string): string {
        return this.#actionIds.requestOf(agent, agentsId)?.correlationId ?? agentsId;
    }
}
