/**
 * A TCP proxy on loopback that does to connections what networks do: cuts, delays, halved writes, silence, repeats. What it does to
 * which connection is decided by a `Course` when the connection comes; it strikes by bytes, not by time.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { once } from "node:events";

/** How a connection ends: by RST, by FIN, or by silence: the sockets stay and nothing passes any more. */
export type End = "reset" | "finish" | "silence";

/** What becomes of one connection. */
export interface Course {
    /** Bytes from the client after which it ends, in the middle of a write or not. Default: never. */
    readonly up?: number;
    /** As many from the server. Default: never. */
    readonly down?: number;
    /** Default: reset. */
    readonly end?: End;
    /** Of silence: only what one side says is swallowed. Default: both. */
    readonly mute?: "client" | "server";
    /** Each write passes in two halves, the second one that many milliseconds later. Default: as a whole. */
    readonly pause?: number;
    /**
     * A second connection to the server gets the same bytes, at once or when the server has begun to answer the first one; a GET is
     * not repeated, it would take the stream over. Default: no.
     */
    readonly repeat?: "at once" | "behind";
}

/** What has happened so far. */
export interface Happened {
    connections: number;
    cuts: number;
    silenced: number;
    repeated: number;
}

/** Nothing befalls the connection. */
export const CALM: Course = {};

/** The proxy. */
export class FaultProxy {
    /** Decides on each connection that comes; from the start all is calm. */
    course: (connection: number) => Course = () => CALM;
    readonly happened: Happened = { connections: 0, cuts: 0, silenced: 0, repeated: 0 };
    readonly #links = new Set<Link>();
    readonly #server: Server;

    private constructor(private readonly target: number) {
        this.#server = createServer({ allowHalfOpen: true }, (client) => {
            const link = new Link(client, this.target, this.course(++this.happened.connections), this.happened);
            this.#links.add(link);
            link.ended.then(
                () => this.#links.delete(link),
                () => undefined
            );
        });
    }

    /** A proxy before this port of 127.0.0.1. */
    static async start(target: number): Promise<FaultProxy> {
        const proxy = new FaultProxy(target);
        proxy.#server.listen(0, "127.0.0.1");
        await once(proxy.#server, "listening");
        return proxy;
    }

    get port(): number {
        return (this.#server.address() as AddressInfo).port;
    }

    /** Connections that are there now. */
    get open(): number {
        return this.#links.size;
    }

    /** Puts the connections that are there on another course, whose bytes count from now. */
    change(course: (connection: number) => Course): void {
        for (const [number, link] of [...this.#links].entries()) link.change(course(number));
    }

    /** Ends each connection now. */
    endAll(end: End): void {
        for (const link of [...this.#links]) link.strike(end);
    }

    /** Ends everything; silenced connections too. */
    async stop(): Promise<void> {
        this.#server.close();
        const ended = [...this.#links].map((link) => {
            link.destroy();
            return link.ended;
        });
        await Promise.all(ended);
    }
}

/** One connection of a client and the one to the server. */
class Link {
    /** Settles when both sockets are gone. */
    readonly ended: Promise<void>;
    readonly #server: Socket;
    #copy: Socket | undefined;
    #left = { client: Infinity, server: Infinity };
    #silent = { client: false, server: false };
    #over = false;
    /** The last bytes are under way: nothing may follow. */
    #atEnd = false;
    /** What the copy has to send once the server answers. */
    #held: Buffer[] | undefined;

    constructor(
        private readonly client: Socket,
        private readonly target: number,
        private course: Course,
        private readonly happened: Happened
    ) {
        this.#server = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
        this.change(course);
        client.setNoDelay(true);
        this.#server.setNoDelay(true);
        this.#carry("client", client, this.#server);
        this.#carry("server", this.#server, client);
        this.ended = Promise.all([closed(client), closed(this.#server)]).then(() => {
            this.#copy?.destroy();
        });
    }

    change(course: Course): void {
        this.course = course;
        this.#left = { client: course.up ?? Infinity, server: course.down ?? Infinity };
    }

    strike(end: End): void {
        if (this.#over) return;
        if (end === "silence") {
            if (!this.#silent.client && !this.#silent.server) this.happened.silenced++;
            if (this.course.mute !== "server") this.#silent.client = true;
            if (this.course.mute !== "client") this.#silent.server = true;
            return;
        }
        this.#over = true;
        this.happened.cuts++;
        for (const socket of [this.client, this.#server]) {
            if (end === "reset") reset(socket);
            else socket.end(() => socket.destroy());
        }
    }

    destroy(): void {
        this.#over = true;
        this.client.destroy();
        this.#server.destroy();
    }

    #carry(side: "client" | "server", from: Socket, to: Socket): void {
        from.on("error", () => undefined); // `close` follows
        from.on("data", (chunk: Buffer) => {
            if (this.#over || this.#atEnd || this.#silent[side]) return;
            const left = this.#left[side];
            this.#left[side] -= chunk.length;
            if (this.#left[side] < 0) this.#strikeAt(chunk.subarray(0, Math.max(left, 0)), to);
            // Where only the other side falls silent
            const passes = this.#left[side] >= 0 || (this.course.end === "silence" && !this.#silent[side]);
            if (passes) this.#pass(side, chunk, from, to);
        });
        from.on("end", () => {
            if (!this.#over && !this.#silent[side]) to.end();
        });
        from.on("close", (failed) => {
            if (this.#over || this.#silent[side]) return;
            if (failed) reset(to);
            else to.end(() => to.destroy());
        });
    }

    #pass(side: "client" | "server", chunk: Buffer, from: Socket, to: Socket): void {
        if (side === "client") this.#repeat(chunk);
        else this.#letCopyGo();
        const { pause } = this.course;
        if (pause === undefined || chunk.length < 2) {
            if (to.write(chunk)) return;
            from.pause();
            to.once("drain", () => from.resume());
            return;
        }
        const half = chunk.length >> 1;
        from.pause();
        to.write(chunk.subarray(0, half));
        setTimeout(() => {
            if (!to.destroyed) to.write(chunk.subarray(half));
            from.resume();
        }, pause);
    }

    /** @param rest what may pass yet: a write is cut wherever its bytes are at an end */
    #strikeAt(rest: Buffer, to: Socket): void {
        const end = this.course.end ?? "reset";
        if (end === "silence" || rest.length === 0 || to.destroyed) {
            this.strike(end);
            return;
        }
        this.#atEnd = true;
        // What an RST overtakes does not arrive
        to.write(rest, () => {
            this.strike(end);
        });
    }

    #repeat(chunk: Buffer): void {
        if (this.course.repeat === undefined) return;
        if (this.#copy === undefined) {
            if (chunk.subarray(0, 4).toString("latin1") === "GET ") return;
            this.happened.repeated++;
            const copy = connect(this.target, "127.0.0.1");
            copy.on("error", () => undefined);
            copy.resume();
            this.#copy = copy;
            this.#held = this.course.repeat === "behind" ? [] : undefined;
        }
        if (this.#held === undefined) this.#copy.write(chunk);
        else this.#held.push(chunk);
    }

    #letCopyGo(): void {
        const held = this.#held;
        if (held === undefined) return;
        this.#held = [];
        for (const chunk of held) this.#copy?.write(chunk);
    }
}

/** Node cannot reset a socket that has begun to end: it would never tell that it is closed. */
function reset(socket: Socket): void {
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
}

function closed(socket: Socket): Promise<void> {
    if (socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
        socket.once("close", () => {
            resolve();
        });
    });
}
