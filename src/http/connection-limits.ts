/** How many TCP connections a listener takes, in total and from one address. */
import type { Socket } from "node:net";
import { addressKey } from "../../lib/address-key";
import { lookAgain, type ConnectionTimeouts } from "./connection-timeouts";

/** Connections over a limit that are kept for so long as it takes to tell them; those beyond are closed at once. */
const MAX_REFUSED = 256;

export interface SocketLimits {
    /** TCP connections in total. */
    readonly maxSockets: number;
    /** TCP connections from one IPv4 address or one IPv6 network of 64 bits. */
    readonly maxSocketsPerAddress: number;
}

/** The two ends of a connection that tell it from all others of one port. */
interface Peer {
    readonly remoteAddress?: string | undefined;
    readonly remotePort?: number | undefined;
}

/** The TCP connections of a listener. */
export class ConnectionLimits {
    /** By peer, because with TLS neither requests nor sessions know the TCP socket. */
    readonly #open = new Map<string, Socket>();
    readonly #perAddress = new Map<string, number>();
    /** By peer, with the time when they came. */
    readonly #refused = new Map<string, { readonly socket: Socket; readonly since: number }>();
    #end: (() => void) | undefined;

    constructor(
        private readonly limits: SocketLimits,
        private readonly timeouts: Pick<ConnectionTimeouts, "headers" | "check">
    ) {}

    /** TCP connections that are open now, and not refused. */
    get size(): number {
        return this.#open.size;
    }

    /** Counts a new connection until it ends. */
    add(socket: Socket): void {
        const address = addressKey(socket.remoteAddress);
        const ofAddress = this.#perAddress.get(address) ?? 0;
        if (this.#open.size >= this.limits.maxSockets || ofAddress >= this.limits.maxSocketsPerAddress) {
            this.#refuse(socket);
            return;
        }
        const key = keyOf(socket);
        this.#open.set(key, socket);
        this.#perAddress.set(address, ofAddress + 1);
        socket.once("close", () => {
            this.#open.delete(key);
            const left = (this.#perAddress.get(address) ?? 1) - 1;
            if (left > 0) this.#perAddress.set(address, left);
            else this.#perAddress.delete(address);
        });
    }

    /** True for a request of a connection over a limit. */
    refuses(peer: Peer): boolean {
        return this.#refused.size > 0 && this.#refused.has(keyOf(peer));
    }

    /** The TCP connection to a peer. */
    find(peer: Peer): Socket | undefined {
        const key = keyOf(peer);
        return this.#open.get(key) ?? this.#refused.get(key)?.socket;
    }

    destroyAll(): void {
        for (const socket of this.#open.values()) socket.destroy();
        for (const { socket } of this.#refused.values()) socket.destroy();
    }

    #refuse(socket: Socket): void {
        if (this.#refused.size >= MAX_REFUSED) {
            socket.destroy();
            return;
        }
        const key = keyOf(socket);
        this.#refused.set(key, { socket, since: performance.now() });
        this.#end ??= lookAgain(this.timeouts.check, (now) => {
            for (const refused of this.#refused.values()) {
                if (now - refused.since < this.timeouts.headers) break;
                refused.socket.destroy();
            }
        });
        socket.once("close", () => {
            this.#refused.delete(key);
            if (this.#refused.size > 0) return;
            this.#end?.();
            this.#end = undefined;
        });
    }
}

function keyOf({ remoteAddress, remotePort }: Peer): string {
    return `${remoteAddress ?? ""} ${String(remotePort)}`;
}
