/**
 * Multicast DNS on the wire (RFC 6762): one socket for each network interface, packets in and out.
 *
 * dns-packet reads and writes the packets; it is loaded when the first socket opens.
 */
import { createSocket, type Socket } from "node:dgram";
import type { Answer, DecodedPacket, Packet } from "dns-packet";
import { multicastInterfaces } from "./interfaces";

const GROUP = "224.0.0.251";
const PORT = 5353;
/** A packet is never larger (RFC 6762, section 17); reading what is costs time for nothing. */
const MAX_PACKET = 9_000;
/** Records of one packet that are looked at: the cost of a packet stays small, whoever sends it. */
const MAX_RECORDS = 500;

export interface MulticastOptions {
    /** IPv4 address of the interface to use. Default: all. */
    readonly interface: string | undefined;
    /** False if the process may end all the same. */
    readonly keepAlive: boolean;
    /** @param source address of the sender */
    readonly onPacket: (packet: MulticastPacket, source: string) => void;
    /** Hears that an interface cannot be used, or a packet was not sent. What works goes on. */
    readonly onError: (error: unknown) => void;
}

/** A packet that came in. */
export interface MulticastPacket {
    readonly type: "query" | "response";
    /** What is asked. */
    readonly questions: readonly { readonly name: string; readonly type: string }[];
    /** Of a response: all its records; of a query: what its sender knows already. */
    readonly answers: readonly Answer[];
    /** Of a query: what its sender is about to claim. */
    readonly authorities: readonly Answer[];
}

/** The sockets of one announcer or one search. */
export class Multicast {
    readonly #sockets = new Map<string, Socket>();
    #closed = false;

    private constructor(
        private readonly dns: typeof import("dns-packet"),
        private readonly options: MulticastOptions
    ) {}

    /** Opens what can be opened; what cannot goes to `onError`. */
    static async open(options: MulticastOptions): Promise<Multicast> {
        const multicast = new Multicast(await import("dns-packet"), options);
        await multicast.refresh();
        return multicast;
    }

    /** IPv4 addresses of the interfaces in use. */
    get interfaces(): readonly string[] {
        return [...this.#sockets.keys()];
    }

    /** Looks for interfaces that came or went since. @returns true if one came */
    async refresh(): Promise<boolean> {
        const wanted = multicastInterfaces(this.options.interface);
        for (const [address, socket] of this.#sockets) {
            if (!wanted.includes(address)) this.#drop(address, socket);
        }
        const missing = wanted.filter((address) => !this.#sockets.has(address));
        const opened = await Promise.all(missing.map((address) => this.#open(address)));
        return opened.includes(true);
    }

    /**
     * Sends a packet on every interface; resolves when all have left, or could not.
     * @param packetFor makes the packet for the interface of this address
     */
    async send(packetFor: (address: string) => Packet): Promise<void> {
        await Promise.all(
            [...this.#sockets].map(
                ([address, socket]) =>
                    new Promise<void>((done) => {
                        const bytes = this.dns.encode(packetFor(address));
                        socket.send(bytes, PORT, GROUP, (error) => {
                            if (error !== null && !this.#closed) this.options.onError(error);
                            done();
                        });
                    })
            )
        );
    }

    /** Closes the sockets; resolves when they are gone. */
    async close(): Promise<void> {
        this.#closed = true;
        const sockets = [...this.#sockets];
        await Promise.all(
            sockets.map(
                ([address, socket]) =>
                    new Promise<void>((done) => {
                        socket.once("close", done);
                        this.#drop(address, socket);
                    })
            )
        );
    }

    async #open(address: string): Promise<boolean> {
        // Exclusive: otherwise the workers of a cluster share one socket, and all but one hear nothing
        const socket = createSocket({ type: "udp4", reuseAddr: true });
        try {
            await new Promise<void>((resolve, reject) => {
                socket.once("error", reject);
                socket.bind({ port: PORT, address: "0.0.0.0", exclusive: true }, resolve);
            });
            socket.addMembership(GROUP, address);
            socket.setMulticastInterface(address);
            socket.setMulticastTTL(255);
            socket.setMulticastLoopback(true);
        } catch (error) {
            socket.removeAllListeners("error").on("error", ignore).close();
            this.options.onError(error);
            return false;
        }
        if (this.#closed) {
            socket.close();
            return false;
        }
        socket.removeAllListeners("error").on("error", (error) => {
            this.options.onError(error);
            this.#drop(address, socket);
        });
        socket.on("message", (bytes, { address: source, port }) => {
            if (port === PORT) this.#receive(bytes, source);
        });
        if (!this.options.keepAlive) socket.unref();
        this.#sockets.set(address, socket);
        return true;
    }

    #drop(address: string, socket: Socket): void {
        if (this.#sockets.get(address) !== socket) return;
        this.#sockets.delete(address);
        socket.close();
    }

    #receive(bytes: Buffer, source: string): void {
        if (this.#closed || bytes.length > MAX_PACKET) return;
        let packet: DecodedPacket;
        try {
            packet = this.dns.decode(bytes);
        } catch {
            return; // nobody needs to know what else is said on this port
        }
        const { type, questions = [], answers = [], additionals = [], authorities = [] } = packet;
        this.options.onPacket(
            {
                type: type === "response" ? "response" : "query",
                questions: questions.slice(0, MAX_RECORDS),
                answers: (type === "response" ? [...answers, ...additionals] : answers).slice(0, MAX_RECORDS),
                authorities: authorities.slice(0, MAX_RECORDS),
            },
            source
        );
    }
}

function ignore(): void {
    // An error listener keeps Node from ending the process
}
