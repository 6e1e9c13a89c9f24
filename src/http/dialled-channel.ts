/**
 * A channel that we dialled: messages come in on an event stream and go out in POSTs (design.md, "Peer and channel").
 *
 *     idle ──send──▶ opening ──sse-ping──▶ open ──drop, in use──▶ opening again, with back-off …
 *      ▲                │ fails                │ drop, unused; or unused for `idleTimeout`
 *      └────────────────┴──────────────────────┘              refused for good, replaced, close() ──▶ closed
 *
 * One dial at a time, and only the current stream's end starts another one: two dials at once replace each other's streams for
 * ever (design.md, "Delivery", take-over).
 */
import type { Channel, ChannelReceiver, SendOptions } from "../../lib/channel";
import type { MessageConverter } from "../../lib/converters/converter";
import { SseScError, toSseScError } from "../../lib/errors";
import type { Message } from "../../lib/messages";
import { sendRequest, type RequestPath } from "./dialled-requests";
import { openEventStream, type EventStreamHandle } from "./dialled-stream";
import { backOff, type ReconnectOptions } from "./back-off";
import { DialledPosts, type PostOptions } from "./dialled-posts";
import { BATCH_FEATURE, BATCH_TYPE, FEATURES_HEADER, RESUME_FEATURE, type ServerFeatures } from "./features";
import { HeardNotifications } from "./heard-notifications";
import { deliverResponse } from "./response-delivery";
import { StreamPosition } from "./stream-position";
import type { SharedTransport } from "./shared-transport";
import type { TokenSession } from "./token-session";

export interface DialledChannelOptions {
    readonly transport: SharedTransport;
    /** Says who we are; without it nothing is said. */
    readonly session?: TokenSession | undefined;
    readonly converter: MessageConverter;
    readonly streamPath: string;
    /** Milliseconds until `sse-ping` must have come. */
    readonly connectTimeout: number;
    /** Milliseconds until a POST must have been answered. */
    readonly postTimeout: number;
    /** Milliseconds after which a channel that nobody uses is closed; it opens again by itself. */
    readonly idleTimeout: number;
    readonly reconnect: ReconnectOptions;
    /** Milliseconds of silence after which a server that announces no heartbeats is asked for a sign of life. */
    readonly pingInterval: number;
    /** Asks it by a message; rejects with `TIMEOUT` if it does not answer. */
    readonly ping: () => Promise<void>;
    readonly maxDepth?: number | undefined;
    /** True while somebody waits for something that comes by this channel. */
    readonly isInUse: () => boolean;
    /** Tries for ever: no refusal ends the channel. Default: false. */
    readonly keepTrying?: boolean | undefined;
    /** Asks the server to take notifications in batches. Default: false. */
    readonly askForBatches?: boolean | undefined;
    /** Called whenever the path is open, before anything is sent on it. */
    readonly onOpen?: ((features: ServerFeatures) => void) | undefined;
    /** Hears why an attempt to open the path failed that is followed by another one. Default: it is logged. */
    readonly onAttemptFailed?: ((error: SseScError) => void) | undefined;
    /** Called once when it is closed for good. */
    readonly onEnd?: () => void;
    /** Takes a line for the log. */
    readonly log: (line: string) => void;
}

type State = "idle" | "opening" | "open" | "closed";

/** The channel of one (server, stream path, account). */
export class DialledChannel implements Channel {
    readonly #options: DialledChannelOptions;
    /** Ties POSTs to the stream; stays the same for the life of the channel, so that a resume has something to name. */
    readonly #cid = globalThis.crypto.randomUUID();
    readonly #posts: DialledPosts;
    readonly #requestPath: RequestPath = {
        opened: (options) => this.#opened(options),
        post: (body, query) => this.#post("request", body, { query }),
        session: () => this.#session,
        resumes: () => this.#resumes,
        isClosed: () => this.closed,
        pause: (failures) => this.#pause(failures),
    };
    #receiver: ChannelReceiver | undefined;
    #state: State = "idle";
    #stream: EventStreamHandle | undefined;
    #opening: Promise<void> | undefined;
    /** Ends whatever the opening waits for. */
    #abort = new AbortController();
    #giveUpTransport: (() => void) | undefined;
    #waitingToSend = 0;
    #closedBy = new SseScError("ALREADY_CLOSED");
    #idleTimer: NodeJS.Timeout | undefined;
    /** What has come of the session at the server. */
    readonly #position = new StreamPosition();
    readonly #heard = new HeardNotifications();
    /** The server of the last stream keeps what we miss. */
    #resumes = false;
    /** Grows whenever the server has forgotten what it knew of us. */
    #session = 0;
    /** Attempts since a stream last lived long enough to count as a success. */
    #attempts = 0;
    #openedAt = 0;

    constructor(options: DialledChannelOptions) {
        this.#options = options;
        const { transport, session, streamPath, postTimeout } = options;
        this.#posts = new DialledPosts({ transport, session, streamPath, cid: this.#cid, timeout: postTimeout });
    }

    /** True once it is of no use any more. */
    get closed(): boolean {
        return this.#state === "closed";
    }

    /** True unless it rests. */
    get active(): boolean {
        return this.#state === "opening" || this.#state === "open";
    }

    attach(receiver: ChannelReceiver): void {
        this.#receiver = receiver;
    }

    send(message: Message, options: SendOptions = {}): Promise<void> {
        const { converter } = this.#options;
        if (message.kind === "response") {
            return deliverResponse(
                message,
                converter,
                (body) => this.#send(message, body, options),
                (failures) => this.#pause(failures)
            );
        }
        let body: string;
        try {
            body = converter.encode(message);
        } catch (cause) {
            return Promise.reject(new SseScError("INVALID_INPUT", "The message cannot be encoded", { cause }));
        }
        return this.#send(message, body, options);
    }

    /** Opens the path where it is not open. One attempt. @throws SseScError why it failed */
    async open(): Promise<void> {
        if (this.#state !== "open") await this.#ensureOpening();
    }

    /** Opens the path and tries until it is open; the first attempt is made at once. For channels that keep trying. */
    keepOpen(): void {
        if (this.#state === "idle") this.#start(() => this.#reconnect(true)).catch(() => undefined);
    }

    /**
     * POSTs notifications that are encoded already; several as one batch, which the server must have agreed to. It does not wait for
     * the path to open.
     * @param signal gives up with `ABORTED`
     * @throws SseScError CONNECT_FAILED if the path is not open; what the server refused them with; CONNECTION_LOST, TIMEOUT and ABORTED
     * if nobody knows whether they were taken
     */
    async postNotifications(lines: readonly string[], signal: AbortSignal): Promise<void> {
        if (this.#state !== "open") throw new SseScError("CONNECT_FAILED", "The connection is not open");
        const contentType = lines.length > 1 ? BATCH_TYPE : undefined;
        await this.#post("notification", lines.join("\n"), { contentType, signal });
    }

    close(): void {
        void this.leave();
    }

    /** Closes it, and tells a server that would keep a session for us. @returns what resolves when that has heard, or does not answer */
    async leave(): Promise<void> {
        const farewell = this.#state === "open" && this.#resumes ? this.#posts.farewell() : undefined;
        this.#end(new SseScError("ALREADY_CLOSED"), farewell);
        await farewell;
    }

    async #send(message: Message, body: string, options: SendOptions): Promise<void> {
        if (message.kind === "request") {
            await sendRequest(message, body, this.#requestPath, options);
            return;
        }
        await this.#opened(options);
        await this.#post(message.kind, body, {});
    }

    /** Waits ahead of another attempt, if the path is open then: else it waits for that. */
    async #pause(failures: number): Promise<void> {
        await new Promise(setImmediate); // what a failure says of the stream shows in the next turn of the event loop
        if (this.#state !== "open") return;
        await backOff(failures, this.#options.reconnect, 0, this.#abort.signal).catch(() => undefined);
    }

    /** Waits for the path to open. @throws SseScError why it does not; ABORTED if nobody waits for the message any more */
    async #opened({ signal, isWanted }: SendOptions): Promise<void> {
        const keepsOpen = isWanted === undefined ? 1 : 0; // who waits for an outcome keeps the channel in use by that
        this.#waitingToSend += keepsOpen;
        try {
            while (this.#state !== "open") await this.#ensureOpening();
        } finally {
            this.#waitingToSend -= keepsOpen;
        }
        // What waited longer than anybody waits for its outcome must not be done any more.
        if (signal?.aborted === true || isWanted?.() === false) throw new SseScError("ABORTED");
        this.#idleTimer?.refresh();
    }

    async #post(kind: Message["kind"], body: string, options: PostOptions): Promise<void> {
        const stream = this.#stream;
        try {
            await this.#posts.post(kind, body, options);
        } catch (thrown) {
            const error = toSseScError(thrown, "CONNECTION_LOST");
            if (error.code === "CONNECT_FAILED" || error.code === "NO_SESSION") this.#suspect(stream, error);
            throw error;
        }
    }

    /** A POST shows that the stream is of no use. It drops in a moment: the POST's own error goes first. */
    #suspect(stream: EventStreamHandle | undefined, error: SseScError): void {
        setImmediate(() => {
            this.#dropped(stream, error);
        });
    }

    // --- opening ---

    #ensureOpening(): Promise<void> {
        if (this.#state === "closed") return Promise.reject(this.#closedBy);
        this.#opening ??= this.#start(() => this.#dial());
        return this.#opening;
    }

    #start(work: () => Promise<void>): Promise<void> {
        this.#state = "opening";
        this.#giveUpTransport ??= this.#options.transport.hold();
        const opening = work().finally(() => {
            if (this.#opening === opening) this.#opening = undefined;
            if (this.#state === "opening") this.#rest();
        });
        this.#opening = opening;
        return opening;
    }

    /** One attempt. @throws SseScError why it failed */
    async #dial(): Promise<void> {
        const { transport, session, streamPath, connectTimeout, pingInterval, converter, maxDepth, log } =
            this.#options;
        const features = this.#options.askForBatches === true ? [BATCH_FEATURE, RESUME_FEATURE] : [RESUME_FEATURE];
        const { lastId } = this.#position;
        this.#attempts++;
        const stream = await openEventStream({
            transport,
            session,
            path: streamPath,
            headers: {
                [FEATURES_HEADER]: features.join(", "),
                cid: this.#cid,
                ...(lastId === undefined ? {} : { "last-event-id": lastId }),
            },
            timeout: connectTimeout,
            signal: this.#abort.signal,
            converter,
            maxDepth,
            log,
            pingInterval,
            ping: () => (this.#isInUse() ? this.#options.ping() : undefined),
            isNew: (id) => this.#position.moveTo(id),
            onMessage: (message) => {
                this.#idleTimer?.refresh();
                // HiveOT's peers use message ids again on purpose; those that resume do not.
                if (message.kind === "notification" && this.#resumes && this.#heard.isRepeat(message)) return;
                this.#receiver?.received(message, {});
            },
            onReplaced: (replaced) => {
                if (replaced !== this.#stream) return;
                const error = new SseScError(
                    "ALREADY_CLOSED",
                    "Another stream with the same cid took the place of this one"
                );
                if (this.#options.keepTrying === true) this.#dropped(replaced, error);
                else this.#end(error);
            },
            onClose: (closed, cause) => {
                this.#dropped(closed, cause);
            },
        });
        if (this.closed) {
            stream.destroy();
            throw this.#closedBy;
        }
        this.#stream = stream;
        this.#resumes = stream.features.resumes;
        if (!stream.features.resumed) this.#session++;
        this.#openedAt = Date.now();
        this.#state = "open";
        this.#startIdleTimer();
        this.#options.onOpen?.(stream.features);
    }

    #dropped(stream: EventStreamHandle | undefined, cause: unknown): void {
        if (stream === undefined || stream !== this.#stream) return;
        this.#stream = undefined;
        stream.destroy();
        this.#stopIdleTimer();
        // A server that takes every stream and drops it at once must not be dialled without a pause.
        if (Date.now() - this.#openedAt > this.#options.reconnect.max) this.#attempts = 0;
        this.#state = "opening";
        this.#receiver?.dropped(new SseScError("CONNECTION_LOST", undefined, { cause }), this.#resumes);
        if (this.closed) return; // somebody gave up when told
        if (!this.#isInUse()) this.#rest();
        else this.#start(() => this.#reconnect()).catch(() => undefined);
    }

    async #reconnect(atOnce = false): Promise<void> {
        let retryAfter = 0;
        for (let first = true; this.#isInUse(); first = false) {
            if (!first || !atOnce)
                await backOff(this.#attempts, this.#options.reconnect, retryAfter, this.#abort.signal);
            if (!this.#isInUse()) return;
            try {
                await this.#dial();
                if (this.#stream?.features.resumed === true) this.#receiver?.resumed();
                else this.#receiver?.reopened();
                return;
            } catch (thrown) {
                const error = toSseScError(thrown, "CONNECTION_LOST");
                if (this.closed) throw error;
                if (this.#options.keepTrying !== true && isFinal(error)) {
                    this.#end(error);
                    throw error;
                }
                this.#attemptFailed(error);
                retryAfter = (error.retryAfter ?? 0) * 1000;
            }
        }
    }

    #attemptFailed(error: SseScError): void {
        const { onAttemptFailed, log } = this.#options;
        if (onAttemptFailed === undefined) log(`no connection yet: ${error.message}`);
        else onAttemptFailed(error);
    }

    #isInUse(): boolean {
        return this.#waitingToSend > 0 || this.#options.isInUse();
    }

    // --- resting and ending ---

    #startIdleTimer(): void {
        this.#stopIdleTimer();
        this.#idleTimer = setTimeout(() => {
            if (this.#isInUse()) this.#startIdleTimer();
            else this.#rest();
        }, this.#options.idleTimeout);
        this.#idleTimer.unref();
    }

    #stopIdleTimer(): void {
        clearTimeout(this.#idleTimer);
        this.#idleTimer = undefined;
    }

    #rest(): void {
        this.#state = "idle";
        this.#position.reset(); // the session that is opened next is a new one
        this.#attempts = 0;
        this.#release();
    }

    #release(): void {
        this.#stopIdleTimer();
        this.#stream?.destroy();
        this.#stream = undefined;
        this.#giveUpTransport?.();
        this.#giveUpTransport = undefined;
    }

    /** @param farewell what goes by the transport yet */
    #end(error: SseScError, farewell?: Promise<void>): void {
        if (this.#state === "closed") return;
        this.#state = "closed";
        this.#closedBy = error;
        this.#release();
        this.#abort.abort(error);
        if (farewell === undefined) this.#options.onEnd?.();
        else void farewell.then(this.#options.onEnd);
        this.#receiver?.closed(error);
    }
}

/** What a new attempt would not change. */
function isFinal({ status }: SseScError): boolean {
    return status === 401 || status === 403 || status === 404;
}
