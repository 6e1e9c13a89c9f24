import { expect } from "chai";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { Servient } from "@node-wot/core";
import { Bonjour, type Service } from "bonjour-service";
import { discover, fetchThingDescription, SseScServer, type FoundService } from "../../src/index";
import { certificate } from "../support/certificates";
import { passwordOf, SetUp, usernameOf } from "../support/set-ups";
import { sideBySide } from "../support/side-by-side";
import { COUNTER_ID } from "../support/things";
import { LOOPBACK, RawMulticast, uniqueName } from "./raw-multicast";

const VIEWER = { username: usernameOf("viewer"), password: passwordOf("viewer") };

/** The announcements of these names, as soon as all of them are found. */
async function find(...names: string[]): Promise<FoundService[]> {
    const found = new Map<string, FoundService>();
    for await (const service of discover({ interface: LOOPBACK, timeout: 8_000 })) {
        if (names.includes(service.name)) found.set(service.name, service);
        if (found.size === names.length) return names.map((name) => found.get(name)!);
    }
    throw new Error(`Not all found: ${names.join()}`);
}

describe("servers that announce themselves", () => {
    const aside = sideBySide();

    for (const secure of [true, false]) {
        it(
            `are found, and their TD is fetched from where they say: ${secure ? "TLS" : "plain"}`,
            aside(async () => {
                const name = uniqueName("server");
                const setUp = await SetUp.start({
                    secure,
                    server: { announce: { name }, tdAccess: "authenticated" },
                    things: [COUNTER_ID],
                });
                try {
                    const [found] = await find(name);
                    const scheme = secure ? "https" : "http";
                    expect(found).to.deep.include({
                        url: `${scheme}://127.0.0.1:${setUp.port}/.well-known/wot`,
                        type: "Thing",
                        scheme,
                        addresses: ["127.0.0.1"],
                        port: setUp.port,
                        txt: { td: "/.well-known/wot", type: "Thing", scheme },
                    });
                    const td = await fetchThingDescription(
                        found!.url,
                        VIEWER,
                        secure ? { caCert: (await certificate()).cert } : {}
                    );
                    expect(td).to.include({ id: COUNTER_ID });
                } finally {
                    await setUp.stop();
                }
            })
        );
    }

    it(
        "are found as directories if they are hubs, and their TD is that of the directory",
        aside(async () => {
            const name = uniqueName("hub");
            const setUp = await SetUp.start({ secure: false, server: { announce: { name }, hub: true } });
            try {
                for await (const found of discover({ type: "Directory", interface: LOOPBACK, timeout: 8_000 })) {
                    if (found.name !== name) continue;
                    const td = await fetchThingDescription(found.url);
                    expect([td["@type"]].flat()).to.include("ThingDirectory");
                    return;
                }
                expect.fail("The hub is not found");
            } finally {
                await setUp.stop();
            }
        })
    );

    it(
        "say goodbye when they stop, and those that stay are found",
        aside(async () => {
            const [leaving, staying] = [uniqueName("leaving"), uniqueName("staying")];
            const raw = await RawMulticast.open();
            const one = await SetUp.start({ secure: false, server: { announce: { name: leaving } }, things: [] });
            const other = await SetUp.start({ secure: false, server: { announce: { name: staying } }, things: [] });
            try {
                await find(leaving, staying);
                const goodbye = raw.response(leaving, ({ answers = [] }) =>
                    answers.some((record) => record.type === "PTR" && record.ttl === 0)
                );
                await one.stop();
                await goodbye;
                // Found by the time that the one behind it is
                const last = uniqueName("last");
                raw.announces([{ name: last }]);
                for await (const { name } of discover({ interface: LOOPBACK, timeout: 8_000 })) {
                    expect(name).not.to.equal(leaving);
                    if (name === last) break;
                }
                await find(staying);
            } finally {
                await other.stop();
                await raw.close();
            }
        })
    );

    it(
        "are announced by host name and port if they have no name, and again after a restart",
        aside(async () => {
            const server = new SseScServer({ port: 0, security: [{ scheme: "nosec" }], announce: true });
            const servient = new Servient();
            servient.addServer(server);
            await servient.start();
            try {
                const isOurs = ({ port, name }: FoundService): boolean =>
                    port === server.getPort() && name.endsWith(`-${String(port)}`);
                for (const round of [1, 2]) {
                    let found = false;
                    for await (const service of discover({ interface: LOOPBACK, timeout: 8_000 })) {
                        found = isOurs(service);
                        if (found) break;
                    }
                    expect(found, `round ${String(round)}`).to.equal(true);
                    await server.stop();
                    if (round === 1) await server.start(servient);
                }
            } finally {
                await servient.shutdown();
            }
        })
    );

    it(
        "go on without an announcement if the network does not let them",
        aside(async () => {
            const setUp = await SetUp.start({
                secure: true,
                // Answered on every address, so the interface is no contradiction; but this machine has no such interface
                server: { address: "0.0.0.0", announce: { interface: "203.0.113.9" } },
            });
            await setUp.token("viewer");
            await setUp.stop();
        })
    );

    it(
        "are not announced unless they are told to",
        aside(async () => {
            const setUp = await SetUp.start({ secure: false });
            const raw = await RawMulticast.open();
            const last = uniqueName("last");
            raw.announces([{ name: last }]);
            for await (const { name, port } of discover({ interface: LOOPBACK, timeout: 8_000 })) {
                expect(port).not.to.equal(setUp.port);
                if (name === last) break;
            }
            await setUp.stop();
            await raw.close();
        })
    );

    it(
        "have the base path of baseUri where others listen, and never keep a process alive",
        aside(async () => {
            const name = uniqueName("mounted");
            const script = `
            const { discover, SseScServer } = require(${JSON.stringify(join(__dirname, "../../src/index.ts"))});
            const { Servient } = require("@node-wot/core");
            const servient = new Servient();
            servient.addServer(new SseScServer({
                listen: false, baseUri: "http://localhost:8080/wot/", security: [{ scheme: "nosec" }], announce: { name: "${name}" },
            }));
            servient.start().then(async () => {
                for await (const found of discover({ interface: "127.0.0.1", timeout: 8000 })) {
                    if (found.name !== "${name}") continue;
                    process.stdout.write(JSON.stringify(found));
                    break;
                }
                // Neither stopped nor shut down
            });
        `;
            const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", script], {
                timeout: 20_000,
            });
            expect(JSON.parse(stdout)).to.include({
                url: "http://localhost:8080/wot/.well-known/wot",
                host: "localhost",
                port: 8080,
            });
        })
    ).timeout(30_000);
});

describe("bonjour-service, which knows nothing of this package", () => {
    let bonjour: Bonjour;

    beforeEach(() => {
        // Its declarations know only those of announcements
        const options: object = { interface: LOOPBACK, bind: "0.0.0.0", loopback: true };
        bonjour = new Bonjour(options, (error: unknown) => expect.fail(String(error)));
    });

    afterEach(async () => {
        await new Promise((done) => bonjour.unpublishAll(done));
        await new Promise<void>((done) => bonjour.destroy(done));
    });

    it("finds what a server announces", async () => {
        const name = uniqueName("ours");
        const up = new Promise<Service>((resolve) => {
            bonjour.find({ type: "wot" }, (service) => {
                if (service.name === name) resolve(service);
            });
        });
        const setUp = await SetUp.start({ secure: true, server: { announce: { name } } });
        const service = await up;
        expect(service).to.deep.include({ port: setUp.port, addresses: [LOOPBACK] });
        expect(service.txt).to.deep.equal({ td: "/.well-known/wot", type: "Thing", scheme: "https" });
        await setUp.stop();
    });

    it("is found when it announces a directory", async () => {
        const name = uniqueName("theirs");
        const txt = { td: "/directory", type: "Directory", scheme: "https" };
        bonjour.publish({ name, type: "wot", subtypes: ["directory"], host: "theirs.example", port: 8444, txt });
        const [found] = await find(name);
        expect(found).to.deep.include({ type: "Directory", host: "theirs.example", port: 8444, txt });
    });
});
