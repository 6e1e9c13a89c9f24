/** Servers that do not listen, on the HTTP servers of others; and what must work wherever one is mounted. */
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { SseScClientFactory, SseScPlainClientFactory, SseScServer } from "../../src/index";
import { Http1Wire, RawClient } from "../conformance/raw/raw-client";
import { certificate, type TestCertificate } from "./certificates";
import { eventually } from "./eventually";
import { passwordOf, usernameOf } from "./set-ups";
import { COUNTER_ID, TestThing } from "./things";

/** An HTTP server of somebody else. */
export type HostServer = http.Server | https.Server | http2.Http2SecureServer;

type ServerConfig = ConstructorParameters<typeof SseScServer>[0];

/** Who logs in. */
const USERNAME = usernameOf("admin");
const PASSWORD = passwordOf("admin");
export const ACCOUNTS = [{ username: USERNAME, password: PASSWORD, role: "admin" }] as const;

/** The kinds of host servers. */
const HOSTS = {
    http: async () => http.createServer({ connectionsCheckingInterval: 20 }), // so that its time limits are seen
    https: async () => {
        const { key, cert } = await certificate();
        return https.createServer({ key, cert });
    },
    http2: async () => {
        const { key, cert } = await certificate();
        return http2.createSecureServer({ key, cert, allowHTTP1: true });
    },
} as const satisfies Record<string, () => Promise<HostServer>>;

/** What may listen to a host's requests. */
export type Listener = (request: http.IncomingMessage, response: http.ServerResponse) => unknown;

export interface MountOptions {
    /** Kind of the host. Default: http. */
    readonly host?: keyof typeof HOSTS;
    /** Path at the end of `baseUri`. Default: none. */
    readonly basePath?: string;
    /** Further options of our server. */
    readonly server?: Partial<ServerConfig>;
    /** What the host does with requests. */
    readonly mount: (server: SseScServer) => Listener;
}

/** One server on one host, with the counter exposed. */
export class Mounted {
    private constructor(
        readonly host: HostServer,
        readonly origin: string,
        readonly basePath: string,
        readonly server: SseScServer,
        readonly servient: Servient,
        readonly counter: TestThing
    ) {}

    /** Mounts a server ahead of its start, then starts it. */
    static async start({ host: kind = "http", basePath = "", server: options, mount }: MountOptions): Promise<Mounted> {
        const host = await HOSTS[kind]();
        host.listen(0, "127.0.0.1");
        await once(host, "listening");
        const { port } = host.address() as AddressInfo;
        const origin = `${kind === "http" ? "http" : "https"}://127.0.0.1:${port}`;
        const server = new SseScServer({
            listen: false,
            baseUri: origin + basePath,
            ...(options?.security === undefined && { accounts: ACCOUNTS }),
            ...options,
        });
        const listener = mount(server);
        host.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
            void listener(request, response);
        });
        const servient = new Servient();
        servient.addServer(server);
        const counter = await TestThing.produce(await servient.start());
        await counter.thing.expose();
        return new Mounted(host, origin, basePath, server, servient, counter);
    }

    /** Where our paths begin. */
    get url(): string {
        return this.origin + this.basePath;
    }

    /** A raw client that has logged in at a server whose paths begin at the root, with an open stream. */
    async connected(): Promise<RawClient> {
        const client = new RawClient(new Http1Wire({ origin: this.origin, ca: (await certificate()).cert }));
        await client.connect(USERNAME, PASSWORD);
        return client;
    }

    /** Ends ours, then the host, which must let go by itself: nothing of ours holds it. */
    async stop(): Promise<void> {
        await this.servient.shutdown();
        const closed = once(this.host, "close");
        this.host.close();
        if ("closeIdleConnections" in this.host) this.host.closeIdleConnections();
        await closed;
    }
}

/** A servient with nothing but our client, which logs in with the password. */
async function startConsumer(secure: boolean, { cert }: TestCertificate, httpVersion?: 1 | 2) {
    const servient = new Servient();
    servient.addClientFactory(
        secure
            ? new SseScClientFactory({ caCert: cert, ...(httpVersion !== undefined && { httpVersion }) })
            : new SseScPlainClientFactory()
    );
    servient.addCredentials({ [COUNTER_ID]: { username: USERNAME, password: PASSWORD } });
    const wot = await servient.start();
    return { servient, wot };
}

/**
 * Logs in and uses the counter as a node-wot script does: reads, writes, invokes, observes, subscribes. Checks the TD too.
 * @param url where the server's paths begin
 * @param streamPath the stream that TDs name
 */
export async function checkConsumer(
    url: string,
    counter: TestThing,
    httpVersion?: 1 | 2,
    streamPath = "/hiveot/ssesc"
): Promise<void> {
    const secure = url.startsWith("https:");
    const { servient, wot } = await startConsumer(secure, await certificate(), httpVersion);
    try {
        const below = url.replace(/^http/, secure ? "sse" : "sse-plain").replace(/^sses:/, "sse:");
        for (const path of ["/.well-known/wot", `/things/${encodeURIComponent(COUNTER_ID)}`]) {
            const td = await wot.requestThingDescription(below + path);
            expect(td).to.include({ id: COUNTER_ID, base: below + streamPath });
            expect(td).to.have.nested.property("securityDefinitions.bearer.authorization", `${url}/authn/login`);
            expect(td).to.have.nested.property("properties.count.forms[0].href", `${below}/hiveot/request`);
        }
        const thing = await wot.consume(await wot.requestThingDescription(`${below}/.well-known/wot`));
        const heard: unknown[] = [];
        const hear = (output: WoT.InteractionOutput): void => {
            void output.value().then((value) => heard.push(value));
        };
        await thing.observeProperty("count", hear);
        await thing.subscribeEvent("tick", hear);
        await thing.writeProperty("count", 3);
        expect(await (await thing.readProperty("count")).value()).to.equal(3);
        expect(await (await thing.invokeAction("increment", 1))?.value()).to.equal(4);
        counter.tick("now");
        await eventually("changes and event are heard", () => heard.includes("now"));
        expect(heard).to.deep.equal([3, 4, "now"]);
    } finally {
        await servient.shutdown();
        counter.reset();
    }
}
