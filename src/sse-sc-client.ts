/** The client that node-wot consumes Things with: one per ConsumedThing, all of a factory over the same connections. */
import type { Content, Form, ProtocolClient, SecurityScheme } from "@node-wot/core";
import { Subscription } from "rxjs/Subscription";
import { SseScError } from "../lib/errors";
import type { Operation } from "../lib/operations";
import type { Peer } from "../lib/peer";
import { readAccount } from "./client-config";
import type { ClientConnections } from "./client-connections";
import type { GivenCredentials } from "./client-credentials";
import { readForm, readThingTarget, type FormTarget, type ThingTarget } from "./client-form";
import type { ClientSubscription } from "./client-subscriptions";
import { contentToValue, valueToContent } from "./things/content";

/** node-wot's protocol client for SSE-SC. The factories make it. */
export class SseScClient implements ProtocolClient {
    readonly #connections: ClientConnections;
    #given: GivenCredentials | undefined;

    /** @internal */
    constructor(connections: ClientConnections) {
        this.#connections = connections;
    }

    /** Reads a property. */
    async readResource(form: Form): Promise<Content> {
        const target = this.#read(form);
        const output = await this.#request("readproperty", target, undefined);
        return toContent(output, target);
    }

    /** Writes a property. */
    async writeResource(form: Form, content: Content): Promise<void> {
        const target = this.#read(form);
        await this.#request("writeproperty", target, await contentToValue(content, target.contentType));
    }

    /** Invokes an action and waits for its output. */
    async invokeResource(form: Form, content?: Content): Promise<Content> {
        const target = this.#read(form);
        const input = content === undefined ? undefined : await contentToValue(content, target.contentType);
        return toContent(await this.#request("invokeaction", target, input), target);
    }

    /**
     * Observes a property or subscribes to an event, as the form says. The subscription is made anew after a reconnect; `error` is
     * called only when it ended for good, `complete` when the factory was destroyed.
     */
    async subscribeResource(
        form: Form,
        next: (content: Content) => void,
        error?: (error: Error) => void,
        complete?: () => void
    ): Promise<Subscription> {
        const target = this.#read(form);
        const operation = subscribeOperation(target);
        const standing: { current?: ClientSubscription } = {};
        const onEnd = (reason: SseScError): void => {
            if (standing.current !== undefined) this.#connections.subscriptions.delete(standing.current);
            if (this.#connections.destroyed) complete?.();
            else error?.(reason);
        };
        const handle = await this.#peer(target).subscribe(
            operation,
            target.thingId,
            target.name,
            {
                onNotification: ({ value }) => {
                    next(toContent(value, target));
                },
                onError: onEnd,
            },
            { query: target.query }
        );
        const added: ClientSubscription = { key: subscriptionKey(operation, target), client: this, form, handle };
        standing.current = added;
        this.#connections.subscriptions.add(added);
        return new Subscription(() => {
            this.#connections.subscriptions.delete(added);
            void handle.stop();
        });
    }

    /** Ends the subscription that a form means; never rejects, and there need be none. */
    async unlinkResource(form: Form): Promise<void> {
        let key: string;
        try {
            const target = this.#read(form);
            key = subscriptionKey(subscribeOperation(target), target);
        } catch {
            return; // nothing can have been subscribed to by such a form
        }
        await this.#connections.subscriptions.take(key, this, form)?.handle.stop();
    }

    /** Fetches a TD and makes it consumable. Credentials for its origin come from the factory's configuration. */
    async requestThingDescription(uri: string): Promise<Content> {
        return valueToContent(await this.#connections.fetchThingDescription(uri), "application/td+json");
    }

    /** The peer that a form leads to, for operations that node-wot's API lacks. */
    peerOf(form: Form): Peer {
        return this.#peer(readThingTarget(form, this.#connections.scheme));
    }

    /** Nothing to do: connections open when they are needed. */
    async start(): Promise<void> {
        // node-wot never calls it
    }

    /** Nothing to do: connections belong to the factory. */
    async stop(): Promise<void> {
        // node-wot never calls it
    }

    /**
     * Takes credentials for the Thing that this client is for: `{ username, password }`, `{ token }` or `{ clientCert, clientKey }`.
     * @returns false if there is nothing among them that could be used
     * @throws SseScError INVALID_CONFIG if a certificate or its key cannot be read
     */
    setSecurity(metadata: readonly SecurityScheme[], credentials?: unknown): boolean {
        const schemes: readonly SecurityScheme[] = Array.isArray(metadata) ? metadata : [metadata];
        if (schemes.length > 0 && schemes.every(({ scheme }) => scheme === "nosec")) return true;
        const candidates: readonly unknown[] = Array.isArray(credentials) ? credentials : [credentials];
        for (const candidate of candidates) {
            const account = readAccount(candidate);
            if (account === undefined) continue;
            this.#given = { credentials: account, origin: undefined };
            return true;
        }
        if (candidates.some((candidate) => candidate !== undefined)) this.#connections.warnOfCredentials();
        return false;
    }

    /** For logs: never the credentials. */
    toString(): string {
        return "[SseScClient]";
    }

    #read(form: Form): FormTarget {
        return readForm(form, this.#connections.scheme);
    }

    #peer(target: ThingTarget): Peer {
        return this.#connections.peerFor(target, this.#given);
    }

    async #request(operation: Operation, target: FormTarget, input: unknown): Promise<unknown> {
        const { thingId, name, query } = target;
        const response = await this.#peer(target).request({ operation, thingId, name, input }, { query });
        return response.output;
    }
}

function toContent(value: unknown, { responseType }: FormTarget): Content {
    return valueToContent(value, responseType);
}

function subscribeOperation({ operations }: FormTarget): Operation {
    return operations.some((name) => name === "observeproperty" || name === "unobserveproperty")
        ? "observeproperty"
        : "subscribeevent";
}

function subscriptionKey(operation: Operation, { origin, streamPath, thingId, name }: FormTarget): string {
    return JSON.stringify([operation, origin, streamPath, thingId, name]);
}
