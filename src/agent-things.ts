/** The Things of a hub's agents, as callers use them (design.md, "Hub to agent"). */
import type { MessageContext } from "../lib/channel";
import { SseScError } from "../lib/errors";
import type { Identity } from "../lib/identity";
import { isRecord } from "../lib/json";
import { splitNotification, type NotificationMessage, type RequestMessage } from "../lib/messages";
import { isOperation, operationInfo, type Operation } from "../lib/operations";
import type { Topic } from "../lib/subscriptions";
import type { LatestValues } from "./hub/latest-values";
import { Router, type AgentRequests } from "./hub/router";
import type { Caller, Subscribers } from "./subscribers";

/** What is needed to know of agents and their Things. */
export interface AgentThingsOptions {
    /** Client id of the agent that a Thing belongs to. */
    readonly ownerOf: (thingId: string) => string | undefined;
    /** The TD of a Thing as its agent wrote it. */
    readonly describe: (thingId: string) => Readonly<Record<string, unknown>> | undefined;
    /** Tells whether a role may perform an operation. */
    readonly mayPerform: (role: string, operation: Operation) => boolean;
    /** The latest event of each name of each Thing. */
    readonly latest: LatestValues;
    readonly subscribers: Subscribers;
    readonly agents: AgentRequests;
    /** Milliseconds that an agent has to answer. */
    readonly requestTimeout: number;
    /** Takes a line for the log. */
    readonly log: (line: string) => void;
}

const CONTAINERS = { property: "properties", action: "actions", event: "events" } as const;

/** The Things of a hub's agents. Which there are its directory knows. */
export class AgentThings {
    readonly #options: AgentThingsOptions;
    readonly #router: Router<Caller>;

    constructor(options: AgentThingsOptions) {
        this.#options = options;
        this.#router = new Router(options.agents, options.requestTimeout);
    }

    /** The Thing is gone from the directory. Subscriptions stay, and revive if it comes back. */
    forget(thingId: string): void {
        this.#options.latest.forget(thingId);
    }

    /**
     * Carries out a request: subscriptions and `readevent` here, everything else by the agent.
     * @returns the output of the response
     * @throws SseScError UNKNOWN_OPERATION, FORBIDDEN, UNKNOWN_THING, UNKNOWN_AFFORDANCE, NOT_OBSERVABLE, TOO_MANY_SUBSCRIPTIONS,
     * AGENT_OFFLINE, and what `Router.forward` throws
     */
    async handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { operation, thingId, name } = request;
        if (!isOperation(operation)) throw new SseScError("UNKNOWN_OPERATION");
        const { role } = context.identity ?? caller.identity;
        if (!this.#options.mayPerform(role, operation)) throw new SseScError("FORBIDDEN");
        const agent = this.#options.ownerOf(thingId);
        if (agent === undefined) throw new SseScError("UNKNOWN_THING");
        const { affordance, scope, subscription } = operationInfo(operation);
        if (affordance !== undefined && subscription !== undefined) {
            const topic: Topic = { affordance, thingId, name: scope === "one" ? name : "" };
            if (subscription === "start") this.#subscribe(caller, topic);
            else this.#unsubscribe(caller, topic);
            return undefined;
        }
        switch (operation) {
            case "ping":
                return "pong";
            case "readevent":
                if (name === "") throw new SseScError("UNKNOWN_AFFORDANCE");
                this.#check({ affordance: "event", thingId, name });
                return this.#options.latest.get(thingId, name);
            case "readallevents":
                return this.#options.latest.all(thingId);
            default:
                return this.#router.forward(agent, caller, request, context.query);
        }
    }

    /** A client published something; it counts for Things of its own only. */
    notified({ clientId }: Identity, notification: NotificationMessage): void {
        for (const single of splitNotification(notification)) {
            if (this.#options.ownerOf(single.thingId) !== clientId) {
                this.#options.log(`a notification of ${clientId} was dropped: the Thing is not its own`);
                return;
            }
            if (single.affordance === "action") {
                const { callers, forObservers } = this.#router.progressed(clientId, single);
                this.#options.subscribers.publishProgress(callers, forObservers);
                continue;
            }
            if (single.affordance === "event") this.#options.latest.set(single);
            this.#options.subscribers.publish(single);
        }
    }

    #subscribe(caller: Caller, topic: Topic): void {
        this.#check(topic);
        this.#options.subscribers.add(caller, topic);
    }

    /** Without a subscription it tells what is wrong with the target. */
    #unsubscribe(caller: Caller, topic: Topic): void {
        if (!this.#options.subscribers.deleteWithin(caller, topic)) this.#check(topic);
    }

    /** @throws SseScError UNKNOWN_THING, UNKNOWN_AFFORDANCE, NOT_OBSERVABLE */
    #check({ affordance, thingId, name }: Topic): void {
        if (name === "") return;
        const td = this.#options.describe(thingId);
        if (td === undefined) throw new SseScError("UNKNOWN_THING");
        const affordances = td[CONTAINERS[affordance]];
        const known = isRecord(affordances) && Object.hasOwn(affordances, name) ? affordances[name] : undefined;
        if (!isRecord(known)) throw new SseScError("UNKNOWN_AFFORDANCE");
        // Where it does not say, it can be: HiveOT's TDs never say so.
        if (affordance === "property" && known["observable"] === false) throw new SseScError("NOT_OBSERVABLE");
    }
}
