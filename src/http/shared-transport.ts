/**
 * One transport that several users share: connected when the first one needs it, replaced when it is of no use any more, closed
 * when nobody holds it.
 */
import { SseScError, toSseScError } from "../../lib/errors";
import type { ClientTransport, TransportRequest, TransportResponse } from "./client-transport";

/** A transport to one origin, whichever it is at the moment. */
export class SharedTransport {
    readonly #connect: (signal: AbortSignal) => Promise<ClientTransport>;
    #current: Promise<ClientTransport> | undefined;
    /** Every transport that may still have something running, the current one included. */
    readonly #open = new Set<ClientTransport>();
    /** Those that were closed and have sockets yet. */
    readonly #closing = new Set<Promise<void>>();
    /** Ends the dialling when nobody waits for it any more. */
    #dialling = new AbortController();
    #holders = 0;
    #closed = false;

    constructor(connect: (signal: AbortSignal) => Promise<ClientTransport>) {
        this.#connect = connect;
    }

    /** Keeps the transport open. @returns what gives it up; to be called once */
    hold(): () => void {
        this.#holders++;
        let held = true;
        return () => {
            if (!held) return;
            held = false;
            if (--this.#holders === 0) this.#closeAll();
        };
    }

    /** The transport for whatever is new; for those who hold it. @throws SseScError CONNECT_FAILED */
    async get(): Promise<ClientTransport> {
        for (;;) {
            if (this.#closed) throw new SseScError("ALREADY_CLOSED");
            this.#current ??= this.#dial();
            const dialled = this.#current;
            try {
                const transport = await dialled;
                if (transport.usable) return transport;
            } catch (error) {
                if (this.#current === dialled) this.#current = undefined;
                throw error;
            }
            if (this.#current === dialled) this.#current = undefined;
        }
    }

    /** Makes a request, once more if the first attempt proves not to have been processed by a server that is there. */
    async request(request: TransportRequest): Promise<TransportResponse> {
        const release = this.hold();
        try {
            const transport = await this.get();
            try {
                return await transport.request(request);
            } catch (error) {
                if (toSseScError(error).code !== "CONNECT_FAILED") throw error;
            }
            return await (await this.get()).request(request);
        } finally {
            release();
        }
    }

    /** Cuts everything, for good. @returns what resolves when the sockets are gone */
    async close(): Promise<void> {
        this.#closed = true;
        this.#closeAll();
        await Promise.all(this.#closing);
    }

    async #dial(): Promise<ClientTransport> {
        const { signal } = this.#dialling;
        const transport = await this.#connect(signal);
        if (signal.aborted) {
            this.#close(transport); // whoever waited has left in the meantime
            throw new SseScError("ALREADY_CLOSED");
        }
        for (const old of this.#open) if (old.closed) this.#open.delete(old);
        this.#open.add(transport);
        return transport;
    }

    #closeAll(): void {
        this.#current = undefined;
        this.#dialling.abort(new SseScError("ALREADY_CLOSED"));
        this.#dialling = new AbortController();
        for (const transport of this.#open) this.#close(transport);
        this.#open.clear();
    }

    #close(transport: ClientTransport): void {
        const closing = transport.close().then(() => {
            this.#closing.delete(closing);
        });
        this.#closing.add(closing);
    }
}
