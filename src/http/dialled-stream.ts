/** Opens an event stream and reads it: one attempt, counted as a success when `sse-ping` came (protocol.md, "Stream"). */
import type { MessageConverter, Result } from "../../lib/converters/converter";
import { SseScError, toSseScError } from "../../lib/errors";
import { createEventStreamReader, REPLACED_COMMENT } from "../../lib/event-stream";
import { parseJson } from "../../lib/json";
import type { Message } from "../../lib/messages";
import type { ClientTransport, TransportStream } from "./client-transport";
import { serverFeatures, type ServerFeatures } from "./features";
import { replyError } from "./reply-error";
import type { SharedTransport } from "./shared-transport";
import { StreamWatchdog } from "./stream-watchdog";
import type { TokenSession } from "./token-session";

/** An open stream; its identity tells it from earlier ones. */
export interface EventStreamHandle {
    /** What the server showed of itself. */
    readonly features: ServerFeatures;
    /** Ends it at once; nobody is told. */
    destroy(): void;
}

export interface EventStreamOptions {
    readonly transport: SharedTransport;
    readonly session: TokenSession | undefined;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    /** Milliseconds until `sse-ping` must have come, log-in included. */
    readonly timeout: number;
    readonly signal: AbortSignal;
    readonly converter: MessageConverter;
    readonly maxDepth: number | undefined;
    readonly log: (line: string) => void;
    /** Milliseconds of silence after which a server that announces no heartbeats is asked for a sign of life. */
    readonly pingInterval: number;
    /** Asks it over HTTP/1.1; rejects with `TIMEOUT` if it does not answer. `undefined` if there is no need to know. */
    readonly ping: () => Promise<void> | undefined;
    /** Notes the id of a frame. @returns false for one that has come already: it is left out */
    readonly isNew: (id: string) => boolean;
    readonly onMessage: (message: Message) => void;
    /** The server said that another stream took the place of this one. */
    readonly onReplaced: (stream: EventStreamHandle) => void;
    /** The stream ended after it was open. */
    readonly onClose: (stream: EventStreamHandle, cause: unknown) => void;
}

/** @throws SseScError CONNECT_FAILED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, … */
export async function openEventStream(options: EventStreamOptions): Promise<EventStreamHandle> {
    const timeUp = new AbortController();
    const timer = setTimeout(() => {
        const wait = `The event stream did not open within ${String(options.timeout)} ms`;
        timeUp.abort(new SseScError("CONNECT_FAILED", wait));
    }, options.timeout);
    const abort = (): void => {
        timeUp.abort(options.signal.reason);
    };
    options.signal.addEventListener("abort", abort, { once: true });
    if (options.signal.aborted) abort();
    try {
        return await new OpeningStream(options, timeUp.signal).open();
    } finally {
        clearTimeout(timer);
        options.signal.removeEventListener("abort", abort);
    }
}

class OpeningStream implements EventStreamHandle {
    #stream: TransportStream | undefined;
    #destroyed = false;
    #open = false;
    #failure: SseScError | undefined;
    #transport: ClientTransport | undefined;
    #watchdog: StreamWatchdog | undefined;
    #resolve: (() => void) | undefined;
    #reject: ((error: SseScError) => void) | undefined;

    constructor(
        private readonly options: EventStreamOptions,
        private readonly signal: AbortSignal
    ) {}

    get features(): ServerFeatures {
        return serverFeatures(this.#stream?.headers ?? {});
    }

    async open(): Promise<this> {
        const { signal } = this;
        let giveUp: (() => void) | undefined;
        const ready = new Promise<void>((resolve, reject) => {
            this.#resolve = resolve;
            this.#reject = reject;
            giveUp = () => {
                reject(toSseScError(signal.reason, "CONNECT_FAILED"));
            };
            signal.addEventListener("abort", giveUp, { once: true });
            if (signal.aborted) giveUp();
        });
        try {
            // The ping may come before the promise of the stream has settled, and time may run out while it never does.
            await Promise.all([ready, this.#dial()]);
            if (this.#failure !== undefined) throw this.#failure; // it ended right behind the ping
            this.#open = true;
            this.#watch();
            return this;
        } catch (error) {
            this.destroy();
            throw error;
        } finally {
            if (giveUp !== undefined) signal.removeEventListener("abort", giveUp);
            ready.catch(() => undefined);
        }
    }

    destroy(): void {
        this.#destroyed = true;
        this.#watchdog?.stop();
        this.#stream?.destroy();
    }

    async #dial(): Promise<void> {
        const { session } = this.options;
        for (let first = true; ; first = false) {
            const authorization = await session?.authorize();
            const stream = await this.#request(authorization?.headers ?? {});
            if (stream.status === 200) {
                this.#stream = stream;
                if (this.#destroyed) stream.destroy();
                const type = stream.headers["content-type"] ?? "";
                if (/^text\/event-stream\b/i.test(type)) return;
                throw new SseScError("PEER_FAILED", "What the server opened is no event stream");
            }
            const refused = stream.status === 401 && first ? authorization?.token : undefined;
            if (refused === undefined || (await session?.recover(refused)) !== true) {
                throw replyError({ ...stream, complete: true });
            }
        }
    }

    async #request(authorization: Readonly<Record<string, string>>): Promise<TransportStream> {
        const { transport, path, headers, timeout } = this.options;
        const reader = createEventStreamReader({
            onEvent: (type, data, id) => {
                this.#onEvent(type, data, id);
            },
            onComment: (comment) => {
                if (comment.trim() !== REPLACED_COMMENT || this.#destroyed) return;
                if (this.#open) this.options.onReplaced(this);
                else this.#fail(new SseScError("ALREADY_CLOSED", "Another stream with the same cid took its place"));
            },
        });
        const handlers = {
            onText: (text: string) => {
                if (this.#destroyed) return;
                this.#watchdog?.heard();
                try {
                    reader.feed(text);
                } catch (error) {
                    this.#fail(error);
                }
            },
            onClose: (cause: unknown) => {
                this.#fail(cause);
            },
        };
        const request = {
            path,
            headers: { ...authorization, ...headers, accept: "text/event-stream", "cache-control": "no-cache" },
            timeout,
            signal: this.signal,
        };
        this.#transport = await transport.get();
        return await this.#transport.openStream(request, handlers);
    }

    #watch(): void {
        const { pingInterval, ping, timeout } = this.options;
        const transport = this.#transport;
        this.#watchdog = new StreamWatchdog({
            heartbeatInterval: this.features.heartbeatInterval,
            pingInterval,
            ping: () => (transport?.ping === undefined ? ping() : transport.ping(timeout)),
            onSilent: (error) => {
                void transport?.close(); // the whole of it: the POSTs go the same way
                this.#fail(error);
            },
        });
    }

    #onEvent(type: string, data: string, id: string): void {
        if (this.#destroyed) return;
        const isNew = this.options.isNew(id);
        if (type === "sse-ping") {
            this.#resolve?.();
            return;
        }
        if (!isNew) return;
        const message = this.#decode(type, data);
        if (message?.ok === true) this.options.onMessage(message.value);
        else if (message !== undefined) this.options.log(`a bad ${type} was dropped: ${message.error.title}`);
    }

    #decode(type: string, data: string): Result<Message> | undefined {
        const { converter, maxDepth } = this.options;
        try {
            switch (type) {
                case "request":
                    return converter.decodeRequest(parseJson(data, maxDepth));
                case "response":
                    return converter.decodeResponse(parseJson(data, maxDepth));
                case "notification":
                    return converter.decodeNotification(parseJson(data, maxDepth));
                default:
                    this.options.log("an event of unknown type was dropped");
                    return undefined;
            }
        } catch (error) {
            return { ok: false, error: toSseScError(error, "INVALID_ENVELOPE") };
        }
    }

    #fail(cause: unknown): void {
        if (this.#destroyed) return;
        this.destroy();
        if (this.#open) {
            this.options.onClose(this, cause);
            return;
        }
        this.#failure = new SseScError("CONNECT_FAILED", "The event stream ended before it was open", { cause });
        this.#reject?.(this.#failure);
    }
}
