/**
 * The subscriptions that node-wot has through the clients of one factory.
 *
 * node-wot discards what `subscribeResource` returns and stops by `unlinkResource`, with another form object and maybe through
 * another client (node-wot.md, "Consuming").
 */
import type { Form } from "@node-wot/core";
import type { SubscriptionHandle } from "../lib/peer-subscriptions";

/** A subscription that stands, and what tells which one it is. */
export interface ClientSubscription {
    /** Connection, kind, Thing and name. */
    readonly key: string;
    readonly client: object;
    readonly form: Form;
    readonly handle: SubscriptionHandle;
}

/** The subscriptions of all clients of a factory. */
export class ClientSubscriptions {
    readonly #standing = new Map<string, Set<ClientSubscription>>();

    add(subscription: ClientSubscription): void {
        const { key } = subscription;
        let standing = this.#standing.get(key);
        if (standing === undefined) this.#standing.set(key, (standing = new Set()));
        standing.add(subscription);
    }

    delete(subscription: ClientSubscription): void {
        const standing = this.#standing.get(subscription.key);
        if (standing?.delete(subscription) === true && standing.size === 0) this.#standing.delete(subscription.key);
    }

    /** Takes out the subscription that a client means by a form: its own, else that of the very form, else the latest. */
    take(key: string, client: object, form: Form): ClientSubscription | undefined {
        const standing = [...(this.#standing.get(key) ?? [])].reverse();
        const found =
            standing.find((subscription) => subscription.client === client) ??
            standing.find((subscription) => subscription.form === form) ??
            standing[0];
        if (found !== undefined) this.delete(found);
        return found;
    }

    clear(): void {
        this.#standing.clear();
    }
}
