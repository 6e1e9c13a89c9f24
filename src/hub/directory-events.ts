/** The event streams of the directory: at `/events` and `/events/{type}` (WoT Discovery, "Notification API"). */
import type { ServerResponse } from "node:http";
import { SseScError } from "../../lib/errors";
import { ChangeFeed } from "./change-feed";
import { DirectoryEventStream } from "./directory-event-stream";
import { isGone, queryOf, wordIn, type DirectoryClient, type DirectoryRequest, type RenderFor } from "./directory-http";
import type { DirectoryChange } from "./directory-records";
import type { DirectoryStore } from "./directory-store";

/** Limits of the event streams. */
export interface DirectoryEventOptions {
    /** Milliseconds between two comments on streams. Default 30,000. */
    readonly heartbeatInterval?: number;
    /** Streams that may be open. Default 1,000. */
    readonly maxStreams?: number;
    /** Streams that one client may have open. Default 100. */
    readonly maxStreamsPerClient?: number;
}

const HEARTBEAT = 30_000;
const MAX_STREAMS = 1_000;
const MAX_STREAMS_PER_CLIENT = 100;
const MAX_DELAY = 2 ** 31 - 1;

const TYPES: ReadonlyMap<string, DirectoryChange["type"]> = new Map([
    ["thing_created", "created"],
    ["thing_updated", "updated"],
    ["thing_deleted", "deleted"],
]);

const HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
} as const;

/** All event streams of a directory. */
export class DirectoryEvents {
    readonly #feed = new ChangeFeed();
    readonly #streams = new Set<DirectoryEventStream>();
    readonly #stopListening: () => void;
    readonly #heartbeat: NodeJS.Timeout;
    #closed = false;

    constructor(
        store: DirectoryStore,
        private readonly render: RenderFor,
        private readonly options: DirectoryEventOptions
    ) {
        this.#stopListening = store.onChange((change) => {
            this.#feed.push(change);
            for (const stream of this.#streams) stream.pump();
        });
        this.#heartbeat = setInterval(() => {
            for (const stream of this.#streams) stream.heartbeat();
        }, options.heartbeatInterval ?? HEARTBEAT).unref();
    }

    /** Number of streams that are open. */
    get size(): number {
        return this.#streams.size;
    }

    /**
     * Answers GET and HEAD.
     * @param type the last part of the path; `undefined` for all events
     * @throws SseScError NOT_FOUND, INVALID_REQUEST, TOO_MANY_CONNECTIONS, ALREADY_CLOSED
     */
    open(request: DirectoryRequest, response: ServerResponse, client: DirectoryClient, type: string | undefined): void {
        const only = type === undefined ? undefined : TYPES.get(type);
        if (type !== undefined && only === undefined) throw new SseScError("NOT_FOUND");
        const diff = wordIn(queryOf(request), "diff", ["true", "false"], "false") === "true";
        if (this.#closed) throw new SseScError("ALREADY_CLOSED");
        if (isGone(response)) return; // while it was authenticated: nothing would tell us any more
        if (request.method === "HEAD") {
            response.writeHead(200, HEADERS);
            response.end();
            return;
        }
        this.#refuseExcess(client);
        const last = request.headers["last-event-id"];
        response.writeHead(200, HEADERS);
        const stream = new DirectoryEventStream(
            client,
            response,
            this.#feed,
            { type: only, diff, lastEventId: typeof last === "string" ? last : undefined },
            (record) => this.render(record, request)
        );
        this.#streams.add(stream);
        const expiry = expiryTimer(client, () => stream.end());
        response.once("close", () => {
            clearTimeout(expiry);
            this.#streams.delete(stream);
        });
        stream.pump();
    }

    /** Ends the streams of a client, or of one of its sessions; without a client those of everybody. */
    endStreams(clientId?: string, sessionId?: string): void {
        for (const stream of this.#streams) {
            const { client } = stream;
            if (clientId !== undefined && client.clientId !== clientId) continue;
            if (sessionId === undefined || client.sessionId === sessionId) stream.end();
        }
    }

    /** Ends everything. */
    close(): void {
        this.#closed = true;
        this.#stopListening();
        clearInterval(this.#heartbeat);
        for (const stream of this.#streams) stream.end();
    }

    #refuseExcess({ clientId }: DirectoryClient): void {
        const { maxStreams = MAX_STREAMS, maxStreamsPerClient = MAX_STREAMS_PER_CLIENT } = this.options;
        const own = [...this.#streams].filter(({ client }) => client.clientId === clientId).length;
        if (this.#streams.size >= maxStreams || own >= maxStreamsPerClient) {
            throw new SseScError("TOO_MANY_CONNECTIONS");
        }
    }
}

/** A stream lives no longer than the credential that opened it. */
function expiryTimer({ expiresAt }: DirectoryClient, end: () => void): NodeJS.Timeout | undefined {
    if (expiresAt === undefined) return undefined;
    const delay = expiresAt - Date.now();
    return delay > MAX_DELAY ? undefined : setTimeout(end, Math.max(delay, 0)).unref();
}
