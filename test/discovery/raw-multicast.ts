/** Multicast DNS by hand, on loopback: sends what no announcer of ours would, and hears everything. */
import { randomUUID } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { EventEmitter, on, once } from "node:events";
import { decode, encode, type Answer, type DecodedPacket, type Packet, type Question } from "dns-packet";

const GROUP = "224.0.0.251";
const PORT = 5353;
export const LOOPBACK = "127.0.0.1";
export const SERVICE = "_wot._tcp.local";
export const DIRECTORIES = "_directory._sub._wot._tcp.local";

/** A name that no other test has, nor another run of this one at the same time. */
export function uniqueName(name: string): string {
    return `${name} ${randomUUID().slice(0, 13)}`;
}

/** What a raw announcement says; members that are left out are right. */
export interface RawService {
    name: string;
    target?: string;
    port?: number;
    txt?: readonly (string | Buffer)[];
    addresses?: readonly string[];
}

export function pointer(name: string, ttl = 4_500): Answer {
    return { type: "PTR", name: SERVICE, ttl, data: `${name}.${SERVICE}` };
}

/** The records of an announcement: PTR, SRV, TXT and addresses, in this order. */
export function recordsOf({
    name,
    target = "raw.local",
    port = 8444,
    txt,
    addresses = [LOOPBACK],
}: RawService): Answer[] {
    const instance = `${name}.${SERVICE}`;
    return [
        pointer(name),
        { type: "SRV", name: instance, ttl: 120, data: { target, port } },
        { type: "TXT", name: instance, ttl: 4_500, data: [...(txt ?? ["td=/td", "type=Thing", "scheme=https"])] },
        ...addresses.map((data): Answer => ({ type: data.includes(":") ? "AAAA" : "A", name: target, ttl: 120, data })),
    ];
}

export function response(answers: Answer[]): Buffer {
    return encode({ type: "response", flags: 0x0400, answers });
}

/** True for a question for everything of the service type. */
export function asksAll({ questions = [] }: Packet): boolean {
    return questions.some(({ name, type }) => name === SERVICE && type === "PTR");
}

/** One socket in the group. */
export class RawMulticast {
    readonly #packets = new EventEmitter();

    private constructor(
        private readonly socket: Socket,
        private readonly sender: Socket
    ) {
        socket.on("message", (bytes) => {
            let packet: DecodedPacket;
            try {
                packet = decode(bytes);
            } catch {
                return; // from a test of such packets
            }
            this.#packets.emit("packet", packet);
        });
        this.#packets.setMaxListeners(0);
    }

    /** @param source address that packets come from */
    static async open(source = "0.0.0.0"): Promise<RawMulticast> {
        const socket = await bind("0.0.0.0");
        socket.addMembership(GROUP, LOOPBACK);
        const sender = source === "0.0.0.0" ? socket : await bind(source);
        sender.setMulticastInterface(LOOPBACK);
        return new RawMulticast(socket, sender);
    }

    /** Answers every question for which `answer` has packets, in their order. */
    answers(answer: (packet: DecodedPacket) => readonly Buffer[]): void {
        this.#packets.on("packet", (packet: DecodedPacket) => {
            if (packet.type === "query") for (const bytes of answer(packet)) this.send(bytes);
        });
    }

    /** Announces services to whoever asks for all: each in a packet of its own, in their order. */
    announces(services: readonly RawService[]): void {
        const packets = services.map((service) => response(recordsOf(service)));
        this.answers((packet) => (asksAll(packet) ? packets : []));
    }

    send(bytes: Buffer): void {
        this.sender.send(bytes, PORT, GROUP);
    }

    ask(questions: Question[], more: Partial<Packet> = {}): void {
        this.send(encode({ ...more, type: "query", questions }));
    }

    /** Responses with records of this instance, from now on. */
    async *responses(name: string): AsyncGenerator<DecodedPacket, never> {
        const instance = `${name}.${SERVICE}`.toLowerCase();
        for await (const [packet] of on(this.#packets, "packet") as AsyncIterable<[DecodedPacket]>) {
            const { type, answers = [], additionals = [] } = packet;
            const isAbout = [...answers, ...additionals].some((record) => record.name.toLowerCase() === instance);
            if (type === "response" && isAbout) yield packet;
        }
        throw new Error("Never ends");
    }

    /** The next response with records of this instance that fits. */
    async response(name: string, fits: (packet: DecodedPacket) => boolean = () => true): Promise<DecodedPacket> {
        for await (const packet of this.responses(name)) if (fits(packet)) return packet;
        throw new Error("Never ends");
    }

    async close(): Promise<void> {
        const sockets = new Set([this.socket, this.sender]);
        await Promise.all([...sockets].map((socket) => once(socket.close(), "close")));
    }
}

async function bind(address: string): Promise<Socket> {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.bind(PORT, address);
    await once(socket, "listening");
    return socket;
}
