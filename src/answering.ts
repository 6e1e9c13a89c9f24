/** Who of a server answers what: its own Thing, the Things of the application, or its hub. For sessions and local scripts alike. */
import type { MessageContext } from "../lib/channel";
import type { RequestMessage } from "../lib/messages";
import type { PeerOptions } from "../lib/peer";
import type { Exposure } from "./exposure";
import type { Hub } from "./hub";
import { OpenAnswers } from "./open-answers";
import { LocalConnection } from "./local-connection";
import type { ServerThing } from "./server-thing";
import type { Caller } from "./subscribers";

/** Role of scripts in the server's own process. */
const LOCAL_ROLE = "service";

/** Finds who answers a request. */
export class Answering {
    readonly #local = new Set<LocalConnection>();
    readonly #open = new OpenAnswers();

    /** @param hub that of a server that is running, if it is one */
    constructor(
        private readonly exposure: Exposure,
        private readonly ownThing: ServerThing,
        private readonly hub: () => Hub | undefined
    ) {}

    /** Callers that are subscribed to something; who watches the server's own Thing or directory too counts several times. */
    get subscribers(): number {
        return this.exposure.subscribers.size + this.ownThing.subscribers + (this.hub()?.subscribers ?? 0);
    }

    /** Subscriptions of one caller. */
    subscriptionsOf(caller: Caller): number {
        const { exposure, ownThing } = this;
        const ofHub = this.hub()?.subscriptionsOf(caller) ?? 0;
        return exposure.subscribers.count(caller) + ownThing.subscriptionsOf(caller) + ofHub;
    }

    /** True if no agent may have a Thing of this id. */
    isOwn(thingId: string): boolean {
        return this.exposure.things.get(thingId) !== undefined || this.ownThing.answersFor(thingId);
    }

    /** Who answers for a Thing: the client id of an agent; empty if it is the server itself. */
    agentOf(thingId: string): string {
        return this.isOwn(thingId) ? "" : (this.hub()?.agentOf(thingId) ?? "");
    }

    /**
     * Carries out a request. Own Things go first: nobody else can have their ids.
     * @returns the output of the response
     * @throws what `Exposure.handle` and `Hub.handle` throw, and what `OpenAnswers.wait` does when the server stops
     */
    carryOut(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        return this.#open.wait(caller, request, this.#handle(caller, request, context));
    }

    /** Nobody can hear answers to this caller any more: the server does not wait for them when it stops. */
    abandon(caller: Caller): void {
        this.#open.left(caller);
    }

    /** Waits until every request has its answer; those that have none after so many milliseconds get an error. */
    finish(timeout: number): Promise<void> {
        return this.#open.finish(timeout);
    }

    #handle(caller: Caller, request: RequestMessage, context: MessageContext): Promise<unknown> {
        const { thingId } = request;
        if (this.ownThing.answersFor(thingId)) return this.ownThing.handle(caller, request, context);
        const hub = this.hub();
        if (hub?.answersFor(thingId) === true && !this.isOwn(thingId)) return hub.handle(caller, request, context);
        return this.exposure.handle(caller, request, context);
    }

    /** A caller left: it hears nothing more. */
    left(caller: Caller): void {
        this.#open.left(caller);
        this.exposure.closed(caller);
        this.ownThing.closed(caller);
        this.hub()?.closed(caller);
    }

    /** Connects a script of this process. */
    connectLocally(options: PeerOptions): LocalConnection {
        const connection = new LocalConnection(
            { clientId: this.ownThing.id, role: LOCAL_ROLE },
            {
                onRequest: (caller, request, context) => this.carryOut(caller, request, context),
                answersAs: ({ thingId }) => this.agentOf(thingId),
                onClosed: (closed) => {
                    this.#local.delete(closed);
                    this.left(closed);
                },
            },
            options
        );
        this.#local.add(connection);
        return connection;
    }

    /** Ends the connections of scripts. */
    closeLocal(): void {
        for (const connection of this.#local) connection.close();
    }
}
