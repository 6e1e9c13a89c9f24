/**
 * Servers for tests: a node-wot servient with a `SseScServer`, an account for every role, and two Things.
 *
 * TLS h1 and TLS h2 are the same server: it has one port, and the client picks.
 */
import { Servient } from "@node-wot/core";
import { SseScAgent, SseScServer } from "../../src/index";
import {
    type Dialect,
    Http1Wire,
    Http2Wire,
    RawClient,
    type RudeWire,
    STREAM_PATHS,
} from "../conformance/raw/raw-client";
import { certificate, type TestCertificate } from "./certificates";
import { COUNTER_ID, TestThing, TWIN_ID } from "./things";

/** The ways to reach a server. */
export const TRANSPORTS = ["TLS h1", "TLS h2", "plain h1"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** The roles of protocol.md, "Roles and what they may do". */
export const ROLES = ["none", "viewer", "operator", "manager", "device", "service", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Each role has an account of the same name with a 1 at its end, as in the recordings. */
export function usernameOf(role: Role): string {
    return `${role}1`;
}

export function passwordOf(role: Role): string {
    return `password of ${role}`;
}

const ACCOUNTS = ROLES.map((role) => ({ username: usernameOf(role), password: passwordOf(role), role }));

type ServerOptions = NonNullable<ConstructorParameters<typeof SseScServer>[0]>;

export interface StartOptions {
    /** TLS with HTTP/1.1 and HTTP/2, or plain HTTP/1.1. */
    secure: boolean;
    /** Further options of the server. */
    server?: Partial<ServerOptions>;
    /** The Things are those of an agent, and the server is the hub that it dials. */
    agent?: { readonly transport: Transport; readonly dialect: Dialect };
    /** Ids of the Things to expose. Default: the counter and the digital twin. */
    things?: readonly string[];
}

/** A running server. */
export class SetUp {
    readonly #tokens = new Map<Role, Promise<string>>();

    private constructor(
        readonly secure: boolean,
        readonly server: SseScServer,
        readonly servient: Servient,
        readonly wot: typeof WoT,
        readonly things: ReadonlyMap<string, TestThing>,
        readonly certificate: TestCertificate,
        /** The servient of the agent that has the Things; absent if they are the server's own. */
        readonly agent: Servient | undefined
    ) {}

    static async start({
        secure,
        server: options,
        agent,
        things = [COUNTER_ID, TWIN_ID],
    }: StartOptions): Promise<SetUp> {
        const made = await certificate();
        const server = new SseScServer({
            port: 0,
            address: "127.0.0.1",
            accounts: ACCOUNTS,
            lingerTime: 0, // tests of what goes with a stream need not wait; those of resuming say how long
            shutdownTimeout: 500, // tests leave requests open
            ...(secure ? { serverKey: made.key, serverCert: made.cert } : {}),
            ...(agent === undefined ? {} : { hub: true }),
            ...options,
        });
        const servient = new Servient();
        servient.addServer(server);
        const started = await servient.start();
        const behind =
            agent && (await startAgent(agent, `${secure ? "sse" : "sse-plain"}://127.0.0.1:${server.getPort()}`, made));
        const wot = behind?.wot ?? started;
        const exposed = new Map<string, TestThing>();
        for (const id of things) exposed.set(id, await TestThing.produce(wot, id));
        const registered = behind?.registered(exposed.size);
        for (const { thing } of exposed.values()) await thing.expose();
        await registered;
        return new SetUp(secure, server, servient, wot, exposed, made, behind?.servient);
    }

    get port(): number {
        return this.server.getPort();
    }

    /** `127.0.0.1:port` */
    get authority(): string {
        return `127.0.0.1:${String(this.port)}`;
    }

    /** For HTTP: `https://…` or `http://…`. */
    get origin(): string {
        return `${this.secure ? "https" : "http"}://${this.authority}`;
    }

    /** For node-wot: `sse` or `sse-plain`. */
    get scheme(): string {
        return this.secure ? "sse" : "sse-plain";
    }

    get counter(): TestThing {
        return this.thing(COUNTER_ID);
    }

    get twin(): TestThing {
        return this.thing(TWIN_ID);
    }

    thing(id: string): TestThing {
        const thing = this.things.get(id);
        if (thing === undefined) throw new Error(`No Thing ${id} was exposed`);
        return thing;
    }

    /** A raw wire to this server. */
    wire(transport: Transport): RudeWire {
        return wireTo(transport, this.origin, this.certificate);
    }

    /** A raw client that has the token of `role` and no stream. */
    async client(transport: Transport, role: Role = "admin", dialect?: Dialect): Promise<RawClient> {
        const client = new RawClient(this.wire(transport), dialect);
        client.token = await this.token(role);
        client.clientId = usernameOf(role);
        return client;
    }

    /** A raw client that has the token of `role` and an open stream. */
    async connected(transport: Transport, role: Role = "admin", dialect?: Dialect): Promise<RawClient> {
        const client = await this.client(transport, role, dialect);
        const stream = await client.openStream();
        if (stream.status !== 200) throw new Error(`Stream answered ${String(stream.status)} ${stream.body}`);
        await stream.next(({ event }) => event === "sse-ping");
        return client;
    }

    /** A token of the account of `role`; the same one each time, so that the tests hash few passwords. */
    token(role: Role): Promise<string> {
        let token = this.#tokens.get(role);
        if (token === undefined) {
            token = this.#logIn(role);
            this.#tokens.set(role, token);
        }
        return token;
    }

    /** The Things as they were at the start. */
    reset(): void {
        for (const thing of this.things.values()) thing.reset();
    }

    async stop(): Promise<void> {
        await this.agent?.shutdown();
        await this.servient.shutdown();
    }

    async #logIn(role: Role): Promise<string> {
        const client = new RawClient(this.wire(this.secure ? "TLS h1" : "plain h1"));
        try {
            const reply = await client.login(usernameOf(role), passwordOf(role));
            if (client.token === undefined) throw new Error(`Login answered ${String(reply.status)} ${reply.body}`);
            return client.token;
        } finally {
            await client.close();
        }
    }
}

/** A servient with an agent at a hub, as the account `device1`. */
async function startAgent(
    { transport, dialect }: NonNullable<StartOptions["agent"]>,
    hub: string,
    { cert }: TestCertificate
): Promise<{ servient: Servient; wot: typeof WoT; registered(count: number): Promise<void> }> {
    const tls = { caCert: cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const;
    const agent = new SseScAgent({
        hub: hub + STREAM_PATHS[dialect],
        credentials: { username: usernameOf("device"), password: passwordOf("device") },
        ...(transport === "plain h1" ? {} : tls),
    });
    const servient = new Servient();
    servient.addServer(agent);
    const wot = await servient.start();
    const registered = (count: number): Promise<void> =>
        new Promise((resolve) => {
            agent.on("registered", () => {
                if (agent.status.registered.length === count) resolve();
            });
        });
    return { servient, wot, registered };
}

/** A raw wire to any server. */
export function wireTo(transport: Transport, origin: string, { cert }: TestCertificate): RudeWire {
    return transport === "TLS h2" ? new Http2Wire({ origin, ca: cert }) : new Http1Wire({ origin, ca: cert });
}

export function isSecure(transport: Transport): boolean {
    return transport !== "plain h1";
}

/**
 * The servers of one test file, one for TLS and one for plain, started when the first test asks for them.
 *
 * Call it in a `describe`: it stops them after the last test.
 */
export function sharedSetUps(options: Omit<StartOptions, "secure"> = {}): (transport: Transport) => Promise<SetUp> {
    const started = new Map<boolean, Promise<SetUp>>();
    after(async () => {
        for (const setUp of started.values()) await (await setUp).stop();
    });
    return (transport) => {
        const secure = isSecure(transport);
        let setUp = started.get(secure);
        if (setUp === undefined) {
            setUp = SetUp.start({ ...options, secure });
            started.set(secure, setUp);
        }
        return setUp;
    };
}
