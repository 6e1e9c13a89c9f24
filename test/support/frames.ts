/** Frames of HTTP/2, byte by byte, for peers that do what no library does. */
import { once } from "node:events";
import * as net from "node:net";
import * as tls from "node:tls";

export const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 } as const;
export const FLAG = { none: 0, ack: 1, endStream: 1, endHeaders: 4 } as const;

/** One frame (RFC 9113, section 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
}

/** A header block without compression (RFC 7541, section 6.2.2: literal, not indexed). */
export function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
    const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
    return Buffer.concat(
        Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)])
    );
}

/** The beginning of each connection of a client. */
export const PREFACE = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(FRAME.settings, 0, 0)]);

/** A TCP connection, with TLS where there is an ALPN protocol; it never answers anything by itself. */
export class RawSocket {
    #received = Buffer.alloc(0);

    private constructor(
        readonly socket: net.Socket,
        /** Milliseconds, of the monotonic clock. */
        readonly since: number
    ) {
        socket.on("error", () => undefined);
        socket.on("data", (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])));
    }

    static async connect(port: number, protocol?: { alpn: "h2" | "http/1.1"; ca: string }): Promise<RawSocket> {
        const since = performance.now();
        const host = "127.0.0.1";
        if (protocol === undefined) {
            const socket = net.connect({ port, host });
            await once(socket, "connect");
            return new RawSocket(socket, since);
        }
        const { alpn, ca } = protocol;
        const socket = tls.connect({ port, host, ca, ALPNProtocols: [alpn], servername: "localhost" });
        await once(socket, "secureConnect");
        return new RawSocket(socket, since);
    }

    get text(): string {
        return this.#received.toString("latin1");
    }

    /** Types of the frames that came. */
    get frames(): readonly number[] {
        const types: number[] = [];
        for (let at = 0; at + 9 <= this.#received.length; at += 9 + this.#received.readUIntBE(at, 3)) {
            types.push(this.#received.readUInt8(at + 3));
        }
        return types;
    }

    /**
     * Sends a piece each few milliseconds until the other side has had enough.
     * @returns milliseconds from the connection to its end
     */
    async trickle(piece: Buffer | string): Promise<number> {
        const timer = setInterval(() => {
            if (this.socket.writable) this.socket.write(piece);
        }, 20);
        try {
            return await this.closed();
        } finally {
            clearInterval(timer);
        }
    }

    /** Milliseconds from the connection to its end. */
    async closed(): Promise<number> {
        // It may end with an error, for which `once` would reject
        if (!this.socket.closed) await new Promise((resolve) => this.socket.once("close", resolve));
        return performance.now() - this.since;
    }
}
