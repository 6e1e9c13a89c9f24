import { expect } from "chai";
import { Servient } from "@node-wot/core";
import { SseScError, SseScServer, type SseScServerConfig } from "../../src/index";
import { certificate } from "../support/certificates";

const ACCOUNTS = [{ username: "alice", password: "wonder", role: "viewer" }];

const MOUNTED = { listen: false, baseUri: "https://things.example", accounts: ACCOUNTS } as const;

function refusal(config: SseScServerConfig): string {
    try {
        new SseScServer(config);
    } catch (error) {
        expect(error).to.be.instanceOf(SseScError).with.property("code", "INVALID_CONFIG");
        return (error as SseScError).message;
    }
    throw new Error("was accepted");
}

describe("SseScServer config", () => {
    const cases: [string, SseScServerConfig, RegExp][] = [
        ["an unknown option", { accounts: ACCOUNTS, prot: 1 } as SseScServerConfig, /^Option "prot" /],
        ["a port out of range", { accounts: ACCOUNTS, port: 70_000 }, /^Option "port" /],
        ["a key without a certificate", { accounts: ACCOUNTS, serverKey: "key.pem" }, /^Option "serverCert" /],
        ["a certificate without a key", { accounts: ACCOUNTS, serverCert: "cert.pem" }, /^Option "serverKey" /],
        [
            "a file that is not there",
            { accounts: ACCOUNTS, serverKey: "no.pem", serverCert: "no.pem" },
            /^Option "serverCert" /,
        ],
        [
            "plain HTTP on other addresses",
            { accounts: ACCOUNTS, address: "0.0.0.0" },
            /^Option "address" .*allowInsecure/,
        ],
        [
            "nosec on other addresses",
            { security: [{ scheme: "nosec" }], address: "::", allowInsecure: true },
            /^Option "security" /,
        ],
        ["nosec with accounts", { security: [{ scheme: "nosec" }], accounts: ACCOUNTS }, /^Option "accounts" /],
        ["another security scheme", { security: [{ scheme: "basic" }] } as never, /^Option "security" /],
        ["nobody who could log in", {}, /^Option "accounts" /],
        ["two accounts of one name", { accounts: [...ACCOUNTS, ...ACCOUNTS] }, /^Option "accounts/],
        ["an unknown role", { accounts: [{ username: "a", password: "b", role: "king" }] }, /^Option "accounts/],
        ["an operation that is none", { accounts: ACCOUNTS, roles: { x: ["fly"] } } as never, /^Option "roles/],
        ["certificates without TLS", { accounts: ACCOUNTS, clientCaCert: "ca.pem" }, /^Option "clientCaCert" /],
        ["certificates where the host has the TLS", { ...MOUNTED, clientCaCert: "ca.pem" }, /^Option "clientCaCert" /],
        [
            "certificates where nobody shows who they are",
            { security: [{ scheme: "nosec" }], clientCaCert: "ca.pem" },
            /^Option "clientCaCert" /,
        ],
        [
            "strategies where nobody shows who they are",
            { security: [{ scheme: "nosec" }], strategies: [] },
            /^Option "strategies" /,
        ],
        ["a strategy that is none", { accounts: ACCOUNTS, strategies: [5] } as never, /^Option "strategies\[0\]" /],
        ["strategies without accounts", { strategies: [{ authenticate: () => undefined }] }, /^Option "accounts" /],
        ["a limit of zero", { accounts: ACCOUNTS, maxDepth: 0 }, /^Option "maxDepth" /],
        [
            "a limit that is no number",
            { accounts: ACCOUNTS, maxMessageSize: "1" } as never,
            /^Option "maxMessageSize" /,
        ],
        ["mounting without a base URI", { ...MOUNTED, baseUri: undefined }, /^Option "baseUri" /],
        ["a port for what does not listen", { ...MOUNTED, port: 8444 }, /^Option "port" .*listen/],
        ["an address for what does not listen", { ...MOUNTED, address: "::1" }, /^Option "address" .*listen/],
        ["a key for what does not listen", { ...MOUNTED, serverKey: "key.pem" }, /^Option "serverKey" .*listen/],
        ["mounting by another word", { ...MOUNTED, listen: "no" } as never, /^Option "listen" /],
        [
            "mounting on plain HTTP elsewhere",
            { ...MOUNTED, baseUri: "http://things.example" },
            /^Option "baseUri" .*allowInsecure/,
        ],
        [
            "mounting with nosec elsewhere",
            { listen: false, baseUri: "https://things.example", security: [{ scheme: "nosec" }], allowInsecure: true },
            /^Option "security" /,
        ],
        ["a base URI of another scheme", { accounts: ACCOUNTS, baseUri: "sse://host" }, /^Option "baseUri" /],
        ["an announcement that is none", { accounts: ACCOUNTS, announce: "yes" } as never, /^Option "announce" /],
        [
            "an unknown member of an announcement",
            { accounts: ACCOUNTS, announce: { nme: "x" } } as never,
            /^Option "announce\.nme" /,
        ],
        ...["", " ", "a.b", "a\nb", "x".repeat(64), 1].map((name): [string, SseScServerConfig, RegExp] => [
            `${JSON.stringify(name)} for an instance name`,
            { accounts: ACCOUNTS, announce: { name } } as SseScServerConfig,
            /^Option "announce\.name" /,
        ]),
        [
            "an interface that is a name",
            { accounts: ACCOUNTS, announce: { interface: "eth0" } },
            /^Option "announce\.interface" /,
        ],
        [
            "an announcement elsewhere of what is on loopback",
            { accounts: ACCOUNTS, announce: { interface: "192.0.2.1" } },
            /^Option "announce\.interface" .*loopback/,
        ],
        [
            "an announcement elsewhere of what is mounted on loopback",
            { ...MOUNTED, baseUri: "https://localhost", announce: { interface: "192.0.2.1" } },
            /^Option "announce\.interface" .*loopback/,
        ],
        [
            "an announcement of a path that is too long",
            { ...MOUNTED, baseUri: `https://host/${"x".repeat(200)}`, announce: true },
            /^Option "baseUri" .*too long/,
        ],
        ["an access rule that is none", { accounts: ACCOUNTS, tdAccess: "all" } as never, /^Option "tdAccess" /],
    ];
    for (const [what, config, message] of cases) {
        it(`refuses ${what}, and names the option`, () => {
            expect(refusal(config)).to.match(message);
        });
    }

    it("names the authority of clients that cannot be read", async () => {
        const { key, cert } = await certificate();
        for (const clientCaCert of ["no.pem", "-----BEGIN NOTHING-----", [], key]) {
            const config = { accounts: ACCOUNTS, serverKey: key, serverCert: cert, clientCaCert };
            expect(refusal(config), String(clientCaCert).slice(0, 20)).to.match(/clientCaCert/);
        }
    });

    it("does not start on a port that is taken, gives everything back, and says which port", async () => {
        const first = new Servient();
        const holder = new SseScServer({ port: 0, accounts: ACCOUNTS });
        first.addServer(holder);
        await first.start();
        const second = new SseScServer({ port: holder.getPort(), accounts: ACCOUNTS });
        try {
            const error = await second.start(new Servient()).then(
                () => undefined,
                (thrown: unknown) => thrown
            );
            expect(error).to.include({ code: "EADDRINUSE", port: holder.getPort() });
            expect(second.getPort()).to.equal(-1);
        } finally {
            await first.shutdown();
        }
    });

    it("names the host of baseUri, and its path, in every TD", async () => {
        const { key, cert } = await certificate();
        const server = new SseScServer({
            port: 0,
            address: "127.0.0.1",
            serverKey: key,
            serverCert: cert,
            accounts: ACCOUNTS,
            baseUri: "https://things.example/wot/",
        });
        const servient = new Servient();
        servient.addServer(server);
        const wot = await servient.start();
        try {
            const thing = await wot.produce({ title: "T", id: "urn:t", events: { e: { data: { type: "string" } } } });
            await thing.expose();
            const td = server.getThingDescription("urn:t");
            expect(td["base"]).to.equal("sse://things.example/wot/hiveot/ssesc");
            expect(JSON.stringify(td)).to.contain("sse://things.example/wot/hiveot/request");
        } finally {
            await servient.shutdown();
        }
    });

    for (const [baseUri, scheme, port] of [
        ["https://things.example/wot", "sse", 443],
        ["https://things.example:8443", "sse", 8443],
        ["http://127.0.0.1", "sse-plain", 80],
    ] as const) {
        it(`is reached at ${baseUri} while it runs, where it does not listen`, async () => {
            const server = new SseScServer({ ...MOUNTED, baseUri });
            expect(server.scheme).to.equal(scheme);
            expect(server.getPort()).to.equal(-1);
            await server.start(new Servient());
            expect(server.getPort()).to.equal(port);
            await server.stop();
            expect(server.getPort()).to.equal(-1);
        });
    }

    it("may be mounted on plain HTTP elsewhere if told so", () => {
        const server = new SseScServer({ ...MOUNTED, baseUri: "http://things.example", allowInsecure: true });
        expect(server.scheme).to.equal("sse-plain");
    });

    it("lets everybody in on loopback with nosec, and says so in the TD", async () => {
        const server = new SseScServer({ port: 0, security: [{ scheme: "nosec" }] });
        const servient = new Servient();
        servient.addServer(server);
        await servient.start();
        try {
            const origin = `http://127.0.0.1:${String(server.getPort())}`;
            const td = (await (await fetch(`${origin}/.well-known/wot`)).json()) as Record<string, unknown>;
            expect(td["security"]).to.equal("nosec_sc");
            const controller = new AbortController();
            const headers = { cid: "c" };
            const stream = await fetch(`${origin}/hiveot/ssesc`, { headers, signal: controller.signal });
            expect(stream.status).to.equal(200);
            const ping = { method: "POST", headers, body: '{"operation":"ping"}' };
            expect((await fetch(`${origin}/hiveot/request`, ping)).status).to.equal(201);
            expect((await fetch(`${origin}/authn/login`, { method: "POST", body: "{}" })).status).to.equal(404);
            controller.abort();
        } finally {
            await servient.shutdown();
        }
    });
});
