/**
 * One session: what belongs to one (client, cid). It is `open` while it has a stream, `lingering` for a while without one, then gone
 * (design.md, "Delivery", "Session").
 */
import type { MessageConverter } from "../../lib/converters/converter";
import type { Identity } from "../../lib/identity";
import type { RequestMessage } from "../../lib/messages";
import type { Frame } from "../../lib/outbox";
import { Peer, type RequestHandler } from "../../lib/peer";
import { AcceptedChannel, type AcceptedChannelOptions } from "./accepted-channel";
import type { HttpResponse } from "./exchange";
import { RecentRequests } from "./recent-requests";
import type { SharedFrames } from "./shared-frames";

/** Longest delay of a timer: longer ones fire at once. */
const MAX_DELAY = 2 ** 31 - 1;
/** A stream ends at some moment of these milliseconds before its token does, so that not all clients come back at once. */
const EXPIRY_SPREAD = 30_000;

/** What a stream that is opened brings with it. */
export interface StreamInit {
    /** Who opens the stream. */
    readonly identity: Identity;
    /** Connection id that the client chose. */
    readonly cid: string;
    readonly converter: MessageConverter;
    /** Its headers are out. */
    readonly response: HttpResponse;
    /** IP address that the stream comes from. */
    readonly address: string | undefined;
    readonly httpVersion: 1 | 2;
    /** True if the client is a peer that resumes, and repeats what may not have been taken. */
    readonly resumes: boolean;
}

/** Who has a stream, and where from. */
type StreamSource = Pick<StreamInit, "identity" | "address" | "httpVersion">;

/** What a server does with what its sessions bring. */
export interface SessionHandlers {
    /** Answers a request: the output, or a SseScError for the caller. */
    onRequest(session: Session, ...request: Parameters<RequestHandler>): ReturnType<RequestHandler>;
    /** Who answers a request: a client's id, or nobody's for the server's own Things. */
    readonly answersAs?: (request: RequestMessage) => string;
    /** Called once for each session, when it is open. */
    onOpened?(session: Session): void;
    /** Its stream has gone; it lingers. */
    onStreamLost?(session: Session): void;
    /** It has a stream again. */
    onResumed?(session: Session): void;
    /** Called once for each session that is gone. */
    onClosed(session: Session): void;
}

/** One connection of a client: its streams, one at a time, and the POSTs that belong to it. */
export class Session {
    /** When it was opened, in milliseconds since the epoch. */
    readonly since = Date.now();
    readonly peer: Peer;
    readonly cid: string;
    readonly channel: AcceptedChannel;
    /** What was taken already, where the client repeats. */
    readonly recent: RecentRequests | undefined;
    /** Without its response: that of a stream which has gone need not be kept. */
    #stream: StreamSource;
    #expiry: NodeJS.Timeout | undefined;

    /** @param lost called when its stream has gone; @param closed when it is gone itself */
    constructor(
        init: StreamInit,
        options: Omit<AcceptedChannelOptions, "converter">,
        handlers: SessionHandlers,
        lost: (session: Session) => void,
        closed: (session: Session) => void
    ) {
        this.cid = init.cid;
        this.#stream = streamOf(init);
        this.recent = init.resumes ? new RecentRequests() : undefined;
        this.channel = new AcceptedChannel(
            { ...options, converter: init.converter },
            {
                onStreamLost: () => {
                    clearTimeout(this.#expiry);
                    lost(this);
                },
                onResponse: (correlationId, frame) => this.recent?.answered(correlationId, frame),
                onClosed: () => {
                    clearTimeout(this.#expiry);
                    closed(this);
                },
            }
        );
        this.peer = new Peer(this.channel, {
            onRequest: (request, context) => handlers.onRequest(this, request, context),
            answersAs: handlers.answersAs,
        });
    }

    /** Who opened the stream that is there, or was last. */
    get identity(): Identity {
        return this.#stream.identity;
    }

    get address(): string | undefined {
        return this.#stream.address;
    }

    get httpVersion(): 1 | 2 {
        return this.#stream.httpVersion;
    }

    /** True while it has no stream. */
    get lingering(): boolean {
        return !this.channel.streaming;
    }

    /** True if the client repeats what may not have been taken. */
    get mayRepeat(): boolean {
        return this.recent !== undefined;
    }

    /** Sends a message that others get too. */
    notify(frames: SharedFrames): void {
        this.channel.sendShared(frames);
    }

    /** True if a stream can go on where this session stands. */
    fits({ converter, resumes }: Omit<StreamInit, "response">): boolean {
        return this.channel.converter === converter && this.mayRepeat === resumes;
    }

    /**
     * Goes on with a stream.
     * @param after sequence of the last frame that the client has; none for the first stream
     */
    stream(init: StreamInit, after?: number): void {
        this.#stream = streamOf(init);
        clearTimeout(this.#expiry);
        this.channel.stream(init.response, after);
        const { expiresAt } = init.identity;
        if (expiresAt !== undefined) this.#endAt(spreadExpiry(expiresAt));
    }

    /**
     * Repeats the answer to a request that was taken before.
     * @returns false if this one is new
     */
    isRepeat(request: RequestMessage): boolean {
        const taken = this.recent?.repeated(request);
        if (taken === undefined) return false;
        if (taken.response !== undefined) this.channel.repeat(taken.response);
        return true;
    }

    /** Sends a request to the client. @returns the frame, for `retract` */
    put(request: RequestMessage): Frame {
        return this.channel.put(request);
    }

    /** A stream never outlives the credential that opened it. */
    #endAt(time: number): void {
        const delay = Math.min(Math.max(time - Date.now(), 0), MAX_DELAY);
        this.#expiry = setTimeout(() => {
            if (Date.now() >= time) this.channel.endStream();
            else this.#endAt(time);
        }, delay);
    }
}

function streamOf({ identity, address, httpVersion }: StreamInit): StreamSource {
    return { identity, address, httpVersion };
}

/** Some moment of the 30 s ahead of the end of a credential: of one that ends soon, within the second half of what is left. */
export function spreadExpiry(expiresAt: number): number {
    const left = Math.max(expiresAt - Date.now(), 0);
    return expiresAt - Math.random() * Math.min(EXPIRY_SPREAD, left / 2);
}
