/** What an agent tells the application, and how it stands. */
import type { SseScError } from "../lib/errors";
import type { Listener } from "./event-listeners";

/** `connecting` until it is `connected`, and again whenever the connection breaks; `stopped` before `start` and after `stop`. */
export type AgentState = "stopped" | "connecting" | "connected";

/** What an agent tells: the parameters of the listeners, by the name of the event. */
export interface AgentEventMap {
    /** The hub is reached, for the first time or again. */
    connected: [];
    /** The connection broke, and why; it is tried again until the agent is stopped. */
    disconnected: [error: SseScError];
    /** The hub's directory has the TD of a Thing: after each connection, and after each change. */
    registered: [thingId: string];
    /** The queue for the hub was full, and something went; the number is that of all that went since the start. */
    dropped: [total: number];
    /**
     * Something is not as it should be, and the agent goes on: the hub cannot be reached or refuses us (each reason once, until it
     * changes), its directory refuses a TD, it refuses what a Thing has to tell, or a handler of a Thing fails. With the id of the
     * Thing that it is about.
     */
    error: [error: SseScError, thingId: string | undefined];
}

/** The name of an event. */
export type AgentEvent = keyof AgentEventMap;

/** Hears an event of an agent; it may be async, and what it throws or rejects with harms nobody. */
export type AgentListener<E extends AgentEvent> = Listener<AgentEventMap[E]>;

/** How an agent stands at this moment; for monitoring and tests. */
export interface SseScAgentStatus {
    readonly state: AgentState;
    /** Notifications that wait for the hub, those on their way included. */
    readonly queued: number;
    /** Notifications that went since the start because the queue was full. */
    readonly dropped: number;
    /** Requests of the hub that wait for their answer. */
    readonly openRequests: number;
    /** Ids of the Things whose TDs the hub's directory has taken on this connection. */
    readonly registered: readonly string[];
}
