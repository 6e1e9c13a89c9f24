/** The proxy does to connections what its courses say, and what passes is not changed. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { expect } from "chai";
import { FaultProxy, type Course } from "./proxy";
import { Random } from "./random";

/** Sends back what it gets. */
class EchoServer {
    /** What each connection sent so far. */
    readonly received: string[] = [];
    readonly sockets: Socket[] = [];
    readonly #server: Server;
    #changed = (): void => undefined;

    private constructor() {
        this.#server = createServer({ allowHalfOpen: true }, (socket) => {
            const number = this.sockets.push(socket) - 1;
            this.received.push("");
            socket.setEncoding("latin1");
            socket.on("error", () => undefined);
            socket.on("data", (text: string) => {
                this.received[number] = `${this.received[number] ?? ""}${text}`;
                socket.write(text);
                this.#changed();
            });
            socket.on("end", () => socket.end());
            this.#changed();
        });
    }

    static async start(): Promise<EchoServer> {
        const server = new EchoServer();
        server.#server.listen(0, "127.0.0.1");
        await once(server.#server, "listening");
        return server;
    }

    get port(): number {
        return (this.#server.address() as AddressInfo).port;
    }

    async until(condition: () => boolean): Promise<void> {
        while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
    }

    stop(): void {
        for (const socket of this.sockets) socket.destroy();
        this.#server.close();
    }
}

describe("the proxy of the fault suite", () => {
    let server: EchoServer;
    let proxy: FaultProxy;
    const clients: Socket[] = [];

    beforeEach(async () => {
        server = await EchoServer.start();
        proxy = await FaultProxy.start(server.port);
    });
    afterEach(async () => {
        for (const client of clients.splice(0)) client.destroy();
        await proxy.stop();
        server.stop();
    });

    /** A client, what it gets, and how its connection ends. */
    async function client(course: Course): Promise<{
        readonly socket: Socket;
        readonly got: () => string;
        readonly gets: (text: string) => Promise<void>;
        readonly end: Promise<string>;
    }> {
        proxy.course = () => course;
        const socket = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
        clients.push(socket);
        let text = "";
        socket.setEncoding("latin1");
        socket.on("data", (chunk: string) => (text += chunk));
        const end = new Promise<string>((resolve) => {
            socket.on("error", (error: NodeJS.ErrnoException) => {
                resolve(error.code ?? "");
            });
            socket.on("end", () => {
                resolve("FIN");
            });
        });
        await once(socket, "connect");
        const gets = async (wanted: string): Promise<void> => {
            while (text.length < wanted.length) await once(socket, "data");
            expect(text).to.equal(wanted);
        };
        return { socket, got: () => text, gets, end };
    }

    it("passes everything on when all is calm, the end of each side too", async () => {
        const { socket, gets, end } = await client({});
        const text = "0123456789".repeat(100_000);
        socket.end(text);
        await gets(text);
        expect(await end).to.equal("FIN");
        expect(proxy.happened).to.deep.equal({ connections: 1, cuts: 0, silenced: 0, repeated: 0 });
    });

    it("passes writes in halves without changing what is written", async () => {
        const { socket, gets } = await client({ pause: 1 });
        socket.write("0123456789");
        await gets("0123456789");
        expect(server.received).to.deep.equal(["0123456789"]);
    });

    for (const [end, seen] of [
        ["reset", "ECONNRESET"],
        ["finish", "FIN"],
    ] as const) {
        it(`cuts by ${seen} after so many bytes of the client`, async () => {
            const connection = await client({ up: 5, end });
            connection.socket.write("01234");
            await connection.gets("01234");
            connection.socket.write("56789");
            expect(await connection.end).to.equal(seen);
            expect(server.received).to.deep.equal(["01234"]);
            expect(proxy.happened.cuts).to.equal(1);
        });
    }

    it("cuts after so many bytes of the server, in the middle of a write", async () => {
        const connection = await client({ down: 6, end: "finish" });
        connection.socket.write("0123456789");
        expect(await connection.end).to.equal("FIN");
        expect(connection.got()).to.equal("012345");
        expect(server.received).to.deep.equal(["0123456789"]);
    });

    it("lets nothing follow the last bytes", async () => {
        for (let round = 0; round < 20; round++) {
            const connection = await client({ up: 400, end: "finish", pause: round % 3 });
            let sent = "";
            for (let n = 0; n < 100; n++) {
                const text = `${n} `.repeat(5);
                sent += text;
                connection.socket.write(text);
                await new Promise((resolve) => setImmediate(resolve));
            }
            await connection.end;
            expect(sent.slice(0, server.received[round]!.length)).to.equal(server.received[round]);
        }
    });

    it("falls silent on both sides, or on one, and keeps the sockets", async () => {
        const both = await client({ up: 0, end: "silence" });
        both.socket.write("never arrives");
        const server2 = await client({ down: 0, end: "silence", mute: "server" });
        server2.socket.write("never comes back");
        await server.until(() => server.received[1] === "never comes back");
        const client2 = await client({ up: 0, end: "silence", mute: "client" });
        client2.socket.write("never arrives");
        await server.until(() => server.sockets.length === 3);
        server.sockets[2]?.write("arrives");
        await client2.gets("arrives");
        expect(server.received).to.deep.equal(["", "never comes back", ""]);
        expect([both.got(), server2.got()]).to.deep.equal(["", ""]);
        const asked = await client({ up: 5, end: "silence", mute: "server" });
        asked.socket.write("01234");
        await asked.gets("01234");
        asked.socket.write("arrives");
        await server.until(() => server.received[3] === "01234arrives");
        expect(asked.got()).to.equal("01234");
        expect(proxy.open).to.equal(4);
        expect(proxy.happened).to.deep.equal({ connections: 4, cuts: 0, silenced: 4, repeated: 0 });
    });

    it("repeats what a client sends on a connection of its own, at once or behind the answer, but no GET", async () => {
        for (const repeat of ["at once", "behind"] as const) {
            const { socket, gets } = await client({ repeat });
            const before = server.received.length;
            socket.write("POST this");
            await gets("POST this");
            await server.until(() => server.received.length === before + 2 && server.received.at(-1) === "POST this");
        }
        const { socket, gets } = await client({ repeat: "at once" });
        socket.write("GET that");
        await gets("GET that");
        expect(proxy.happened).to.deep.equal({ connections: 3, cuts: 0, silenced: 0, repeated: 2 });
        expect(server.received.filter((text) => text === "GET that")).to.have.length(1);
    });

    it("ends connections that are there, and puts them on another course", async () => {
        const first = await client({});
        first.socket.write("0");
        await first.gets("0");
        proxy.change(() => ({ up: 1 }));
        first.socket.write("12");
        expect(await first.end).to.equal("ECONNRESET");
        const second = await client({});
        second.socket.write("0");
        await second.gets("0");
        proxy.endAll("finish");
        expect(await second.end).to.equal("FIN");
    });
});

describe("chance in the fault suite", () => {
    it("is the same for the same seed and name, and another one for others", () => {
        const draw = (seed: number, name: string): number[] => {
            const random = new Random(seed, name);
            return Array.from({ length: 5 }, () => random.between(1, 1_000));
        };
        expect(draw(1, "a")).to.deep.equal(draw(1, "a"));
        expect(draw(1, "a")).to.not.deep.equal(draw(2, "a"));
        expect(draw(1, "a")).to.not.deep.equal(draw(1, "b"));
        for (const number of draw(3, "c")) expect(number).to.be.within(1, 1_000);
    });
});
