/**
 * What the actions that a hub has passed on are called on either side: each request has a correlation id of its own on its way to
 * the agent, and that of an `invokeaction` names the action from then on.
 */
import type { RequestMessage } from "../../lib/messages";

/** Actions of one agent that are remembered; beyond it the oldest is forgotten, and its id stays as it is. */
const MAX_PER_AGENT = 1_000;
/** Characters that they may have in all: callers choose their ids and names, which may be as long as a message can be. */
const MAX_TEXT_PER_AGENT = 1024 * 1024;

interface PassedOn {
    /** The caller's own request. */
    readonly request: RequestMessage;
    /** What the agent calls it. */
    readonly agentsId: string;
}

/** The actions of one agent: by its own ids, and by what callers ask for. */
class AgentActions {
    readonly byAgentsId = new Map<string, PassedOn>();
    readonly byTarget = new Map<string, Set<PassedOn>>();
    /** Characters of what callers chose. */
    text = 0;
}

/** The ids of the actions of all agents of a hub. */
export class ActionIds {
    readonly #agents = new Map<string, AgentActions>();

    /** Notes what an invocation is called at the agent. Of its input nothing is kept. */
    add(agent: string, { ...request }: RequestMessage, agentsId: string): void {
        let actions = this.#agents.get(agent);
        if (actions === undefined) this.#agents.set(agent, (actions = new AgentActions()));
        const passedOn: PassedOn = { request: { ...request, input: undefined }, agentsId };
        actions.byAgentsId.set(agentsId, passedOn);
        const target = targetOf(request, request.correlationId);
        const known = actions.byTarget.get(target);
        if (known === undefined) actions.byTarget.set(target, new Set([passedOn]));
        else known.add(passedOn);
        actions.text += textOf(passedOn);
        for (const oldest of actions.byAgentsId.values()) {
            if (oldest === passedOn) break;
            if (actions.byAgentsId.size <= MAX_PER_AGENT && actions.text <= MAX_TEXT_PER_AGENT) break;
            forget(actions, oldest);
        }
    }

    /** The caller's request that became the agent's action; `undefined` if it is not known. */
    requestOf(agent: string, agentsId: string): RequestMessage | undefined {
        return this.#agents.get(agent)?.byAgentsId.get(agentsId)?.request;
    }

    /**
     * What the agent calls the action that a caller means: his own of that id before anybody else's, of several the latest. An id
     * that is not known is the agent's own.
     * @param request the `queryaction` or `cancelaction`
     */
    agentsIdFor(agent: string, request: RequestMessage, actionId: string): string {
        let found: PassedOn | undefined;
        for (const each of this.#agents.get(agent)?.byTarget.get(targetOf(request, actionId)) ?? []) {
            const own = each.request.senderId === request.senderId;
            if (own || found?.request.senderId !== request.senderId) found = each;
        }
        return found?.agentsId ?? actionId;
    }
}

function targetOf({ thingId, name }: RequestMessage, actionId: string): string {
    return JSON.stringify([thingId, name, actionId]);
}

function textOf({ request: { thingId, name, correlationId, messageId } }: PassedOn): number {
    return thingId.length + name.length + correlationId.length + messageId.length;
}

function forget(actions: AgentActions, passedOn: PassedOn): void {
    const { request, agentsId } = passedOn;
    actions.text -= textOf(passedOn);
    actions.byAgentsId.delete(agentsId);
    const target = targetOf(request, request.correlationId);
    const same = actions.byTarget.get(target);
    for (const each of same ?? []) if (each.agentsId === agentsId) same?.delete(each);
    if (same?.size === 0) actions.byTarget.delete(target);
}
