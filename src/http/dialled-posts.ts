/** The POSTs of a channel that we dialled: all of one connection, shown to be ours, each answered or proven to have failed. */
import type { Message } from "../../lib/messages";
import { replyError } from "./reply-error";
import { basePathOf } from "./server-paths";
import type { SharedTransport } from "./shared-transport";
import type { TokenSession } from "./token-session";

/** Paths of the POSTs below the base path: the same on every server (protocol.md, "Endpoints"). */
const POST_PATH: Readonly<Record<Message["kind"], string>> = {
    request: "/hiveot/request",
    response: "/hiveot/response",
    notification: "/hiveot/notification",
};

/** Milliseconds for which the end of a connection may wait for the server to hear of it. */
const FAREWELL_TIMEOUT = 1_000;

export interface DialledPostsOptions {
    readonly transport: SharedTransport;
    /** Says who we are; without it nothing is said. */
    readonly session?: TokenSession | undefined;
    readonly streamPath: string;
    /** Ties the POSTs to the stream. */
    readonly cid: string;
    /** Milliseconds until a POST must have been answered. */
    readonly timeout: number;
}

/** What goes with one POST. */
export interface PostOptions {
    /** Text of a query (without `?`). */
    readonly query?: string | undefined;
    /** Default: `application/json`. */
    readonly contentType?: string | undefined;
    /** Gives up with `ABORTED`: nobody knows then whether it was taken. */
    readonly signal?: AbortSignal | undefined;
}

/** The POSTs of one connection. */
export class DialledPosts {
    readonly #options: DialledPostsOptions;
    readonly #basePath: string;

    constructor(options: DialledPostsOptions) {
        this.#options = options;
        this.#basePath = basePathOf(options.streamPath);
    }

    /**
     * POSTs a body to the path of its kind.
     * @throws SseScError what the server refused it with; CONNECT_FAILED if it was not processed; CONNECTION_LOST, TIMEOUT and ABORTED
     * if nobody knows
     */
    async post(kind: Message["kind"], body: string, options: PostOptions = {}): Promise<void> {
        const { transport, session, cid, timeout } = this.#options;
        const { query = "", contentType = "application/json", signal } = options;
        const path = this.#basePath + POST_PATH[kind] + (query === "" ? "" : `?${query}`);
        for (let first = true; ; first = false) {
            const authorization = await session?.authorize();
            const headers = { ...authorization?.headers, cid, "content-type": contentType };
            const response = await transport.request({ method: "POST", path, headers, body, timeout, signal });
            if (response.status < 300) return;
            // A 401 proves that nothing was done.
            const refused = response.status === 401 && first ? authorization?.token : undefined;
            if (refused !== undefined && (await session?.recover(refused)) === true) continue;
            throw replyError(response);
        }
    }

    /** Says that we do not come back, so that the server keeps nothing for us. Never rejects: it forgets us in time without it too. */
    async farewell(): Promise<void> {
        const { transport, session, streamPath, cid, timeout } = this.#options;
        const release = transport.hold(); // whoever says so is about to give it up
        try {
            const authorization = await session?.authorize();
            const headers = { ...authorization?.headers, cid };
            const within = Math.min(timeout, FAREWELL_TIMEOUT);
            await transport.request({ method: "DELETE", path: streamPath, headers, timeout: within });
        } catch {
            // see above
        } finally {
            release();
        }
    }
}
