/**
 * Which notifications a client has heard last. An agent repeats what it does not know to be taken, and a hub that was started anew in the
 * meantime cannot know that it is a repeat: the client knows (design.md, "Delivery").
 */
import type { NotificationMessage } from "../../lib/messages";

/** Notifications that are remembered: more than an agent ever has under way. */
const MAX_HEARD = 1_000;
/** Characters of what is remembered of one; longer ones are not, and nobody of ours makes them. */
const MAX_LENGTH = 1_000;

/** The last notifications of one channel, over all of its streams. */
export class HeardNotifications {
    readonly #heard = new Set<string>();

    /** Notes a notification. @returns true if it has come before */
    isRepeat({ messageId, affordance, thingId, name }: NotificationMessage): boolean {
        if (messageId === "") return false;
        const key = `${messageId} ${affordance} ${thingId} ${name}`; // several of one message differ in their names
        if (key.length > MAX_LENGTH) return false;
        if (this.#heard.has(key)) return true;
        this.#heard.add(key);
        if (this.#heard.size > MAX_HEARD) {
            const [oldest = ""] = this.#heard;
            this.#heard.delete(oldest);
        }
        return false;
    }
}
