/** Thing Descriptions as they are served, and the forms that a script's Thing gets. */
import { HttpServer } from "@node-wot/binding-http";
import { ExposedThing, Helpers, ProtocolHelpers, Servient } from "@node-wot/core";
import { expect } from "chai";
import { PassThrough } from "node:stream";
import { SseScServer } from "../../src/index";
import { certificate, LOOPBACK, type TestCertificate } from "../support/certificates";
import {
    isSecure,
    passwordOf,
    SetUp,
    sharedSetUps,
    type Transport,
    TRANSPORTS,
    usernameOf,
    wireTo,
} from "../support/set-ups";
import { COUNTER_ID, counterInit, TestThing, TWIN_ID } from "../support/things";
import { type Envelope, RawClient } from "./raw/raw-client";
import { req } from "./requirements";

interface Form extends Envelope {
    readonly href: string;
    readonly op: readonly string[];
}
type Affordance = Envelope & { readonly forms: readonly Form[] };
type Affordances = Readonly<Record<string, Affordance>>;
interface Td extends Envelope {
    readonly base: string;
    readonly forms: readonly Form[];
    readonly properties: Affordances;
    readonly actions: Affordances;
    readonly events: Affordances;
}

const THING_PATH = `/things/${encodeURIComponent(COUNTER_ID)}`;

/** The operations that TD 1.1 knows (table 5.3.4.2 of the recommendation). */
const STANDARD_OPERATIONS = [
    ...["readproperty", "writeproperty", "observeproperty", "unobserveproperty"],
    ...["invokeaction", "queryaction", "cancelaction", "subscribeevent", "unsubscribeevent"],
    ...["readallproperties", "writeallproperties", "readmultipleproperties", "writemultipleproperties"],
    ...["observeallproperties", "unobserveallproperties", "queryallactions"],
    ...["subscribeallevents", "unsubscribeallevents"],
];

/** What operations the form of each affordance must have. */
const EXPECTED_OPERATIONS: Readonly<Record<string, readonly string[]>> = {
    count: ["readproperty", "writeproperty", "observeproperty", "unobserveproperty"],
    limit: ["readproperty", "writeproperty"],
    serial: ["readproperty"],
    secret: ["writeproperty"],
    increment: ["invokeaction", "queryaction", "cancelaction"],
    tick: ["subscribeevent", "unsubscribeevent"],
};

function affordancesOf({ properties, actions, events }: Td): [string, Affordance][] {
    return [properties, actions, events].flatMap((each) => Object.entries(each));
}

function isSseSc({ subprotocol }: Form): boolean {
    return subprotocol === "sse-sc";
}

/** A client without a token, of whatever server. */
function clientAt(transport: Transport, origin: string, made: TestCertificate): RawClient {
    return new RawClient(wireTo(transport, origin, made));
}

async function tdOf(client: RawClient, path = THING_PATH, host?: string): Promise<Td> {
    const headers = host === undefined ? {} : { host };
    const reply = await client.request("GET", path, { headers });
    expect(reply).to.include({ status: 200 });
    return JSON.parse(reply.body) as Td;
}

describe("Thing Descriptions", () => {
    const setUps = sharedSetUps();

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let setUp: SetUp;
            let client: RawClient;
            let td: Td;

            before(async () => {
                setUp = await setUps(transport);
                client = await setUp.client(transport);
                td = await tdOf(client);
            });

            after(() => client.close());

            req("TD-context", "@context is an array of TD 1.1 and hiveot", () => {
                expect(td["@context"]).to.be.an("array");
                const [first, ...others] = td["@context"] as unknown[];
                expect(first).to.equal("https://www.w3.org/2022/wot/td/v1.1");
                expect(others).to.deep.include({ hiveot: "https://www.hiveot.net/vocab/v0.1" });
            });

            req("TD-base", "base is the URL of the stream", () => {
                expect(td.base).to.equal(`${setUp.scheme}://${setUp.authority}/hiveot/ssesc`);
            });

            req("TD-security", "security is one bearer scheme with the log-in URL", () => {
                expect(td["security"]).to.equal("bearer");
                expect(td["securityDefinitions"]).to.deep.equal({
                    bearer: {
                        scheme: "bearer",
                        format: "jwt",
                        alg: "ES256",
                        in: "header",
                        name: "authorization",
                        authorization: `${setUp.origin}/authn/login`,
                    },
                });
            });

            req(
                ["TD-root-forms", "THINGS-root-form"],
                "a root-level form has the operations on the whole Thing",
                () => {
                    const [root] = td.forms;
                    expect(root).to.include({ subprotocol: "sse-sc", "hiveot:thingID": COUNTER_ID });
                    expect(root?.op).to.include.members([
                        "readallproperties",
                        "observeallproperties",
                        "unobserveallproperties",
                        "queryallactions",
                        "subscribeallevents",
                        "unsubscribeallevents",
                    ]);
                }
            );

            req(
                ["TD-resolved", "THINGS-not-sse", "THINGS-own-td"],
                "our form is the first, and resolves to the request path",
                () => {
                    for (const { forms } of [td, ...affordancesOf(td).map(([, affordance]) => affordance)]) {
                        const [first] = forms;
                        expect(first).to.include({ subprotocol: "sse-sc" });
                        expect(first?.href.replace(/\{.*/, "")).to.equal(
                            `${setUp.scheme}://${setUp.authority}/hiveot/request`
                        );
                    }
                }
            );

            req(
                ["TD-ops", "THINGS-td-operations"],
                "each form has its own operations, and only those of TD 1.1",
                () => {
                    const all = Object.fromEntries(affordancesOf(td));
                    for (const [name, operations] of Object.entries(EXPECTED_OPERATIONS)) {
                        expect(all[name]?.forms[0]?.op, name).to.have.members(operations);
                    }
                    for (const { forms } of [td, ...Object.values(all)]) {
                        for (const { op } of forms) expect(STANDARD_OPERATIONS).to.include.members([...op]);
                    }
                }
            );

            req(
                ["THINGS-one-form", "THINGS-form-members"],
                "one form per affordance, with all that a client needs",
                () => {
                    for (const [name, { forms }] of affordancesOf(td)) {
                        expect(forms.filter(isSseSc), name).to.have.length(1);
                        expect(forms[0]?.op).to.be.an("array");
                        expect(forms[0]?.href).not.to.match(/\?[^,\w]/);
                        expect(forms[0]).to.include({
                            "hiveot:thingID": COUNTER_ID,
                            "hiveot:name": name,
                            "hiveot:stream": "/hiveot/ssesc",
                        });
                    }
                }
            );

            req("THINGS-form-variables", "the href of what has uriVariables names them", () => {
                const href = `${setUp.scheme}://${setUp.authority}/hiveot/request`;
                expect(td.properties["scaled"]?.forms[0]?.href).to.equal(`${href}{?factor}`);
                expect(td.actions["stepUp"]?.forms[0]?.href).to.equal(`${href}{?step}`);
                expect(td.properties["count"]?.forms[0]?.href).to.equal(href);
            });

            req("TD-plain-shapes", "nothing has a shape that HiveKit cannot parse", () => {
                const seen: string[] = [];
                JSON.stringify(td, (key: string, value: unknown) => {
                    if (key === "descriptions" || key === "titles") seen.push(key);
                    if ((key === "type" || key === "items" || key === "security") && Array.isArray(value))
                        seen.push(key);
                    return value;
                });
                expect(seen).to.deep.equal([]);
            });

            req("TD-valid", "node-wot consumes it", async () => {
                const wot = await new Servient().start();
                const consumed = await wot.consume(td as unknown as WoT.ThingDescription);
                expect(consumed.getThingDescription()).to.include({ id: COUNTER_ID });
            });

            req("TD-colons", "an id with colons is in path, id and forms", async () => {
                const twin = await tdOf(client, "/things/dtw%3Aa%3Ab");
                expect(twin).to.include({ id: TWIN_ID });
                for (const [, { forms }] of affordancesOf(twin))
                    expect(forms[0]).to.include({ "hiveot:thingID": TWIN_ID });
            });

            req("THINGS-host-bound", "forms name the address bound", () => {
                const { properties } = setUp.counter.thing.getThingDescription() as unknown as Td;
                expect(properties["count"]?.forms[0]?.href).to.equal(
                    `${setUp.scheme}://${setUp.authority}/hiveot/request`
                );
            });
        });
    }

    describe("hosts", () => {
        for (const transport of ["TLS h1", "TLS h2", "plain h1"] as const) {
            req(
                "THINGS-host-request",
                `a TD over ${transport} names the host asked for, if that can be us`,
                async () => {
                    const made = await certificate();
                    const setUp = await SetUp.start({
                        secure: isSecure(transport),
                        server: { address: "0.0.0.0", ...(isSecure(transport) ? {} : { allowInsecure: true }) },
                        things: [COUNTER_ID],
                    });
                    const origin = setUp.origin.replace("127.0.0.1", "127.0.0.2");
                    const client = await setUp.client(transport);
                    const other = clientAt(transport, origin, made);
                    try {
                        const second = await tdOf(other);
                        const base = `${setUp.scheme}://127.0.0.2:${String(setUp.port)}/hiveot`;
                        expect(second.base).to.equal(`${base}/ssesc`);
                        for (const [, { forms }] of affordancesOf(second))
                            expect(forms[0]?.href).to.contain(`${base}/request`);
                        expect((await tdOf(client)).base).to.contain(`://${setUp.authority}/`);
                        if (transport === "TLS h2") return; // there the host is the authority of the connection
                        for (const host of [
                            "evil.example",
                            "evil.example:80",
                            "127.0.0.1@evil.example",
                            "a b",
                            "[::1",
                        ]) {
                            const forged = await tdOf(client, THING_PATH, host).catch(() => undefined);
                            expect(JSON.stringify(forged ?? ""), host).not.to.contain("evil");
                        }
                    } finally {
                        await Promise.all([client.close(), other.close()]);
                        await setUp.stop();
                    }
                }
            );
        }

        req(
            "THINGS-host-all",
            "forms of a server on all interfaces name a host that the certificate covers",
            async () => {
                const setUp = await SetUp.start({ secure: true, server: { address: "0.0.0.0" }, things: [COUNTER_ID] });
                try {
                    const covered = Helpers.getAddresses().find((host) => LOOPBACK.includes(host)) ?? "localhost";
                    const { properties } = setUp.counter.thing.getThingDescription() as unknown as Td;
                    const authority = `${covered}:${String(setUp.port)}`;
                    expect(properties["count"]?.forms[0]?.href).to.equal(`sse://${authority}/hiveot/request`);
                } finally {
                    await setUp.stop();
                }
            }
        );

        req("THINGS-host-base-uri", "forms and TDs begin with baseUri", async () => {
            const baseUri = "https://things.example:8443/gateway";
            const setUp = await SetUp.start({ secure: false, server: { baseUri }, things: [COUNTER_ID] });
            const client = await setUp.client("plain h1");
            try {
                const td = await tdOf(client);
                expect(td.base).to.equal("sse://things.example:8443/gateway/hiveot/ssesc");
                const exposed = setUp.counter.thing.getThingDescription() as unknown as Td;
                for (const each of [td, exposed]) {
                    for (const [, { forms }] of affordancesOf(each)) {
                        expect(forms[0]?.href).to.match(/^sse:\/\/things\.example:8443\/gateway\/hiveot\/request/);
                    }
                }
            } finally {
                await client.close();
                await setUp.stop();
            }
        });
    });

    describe("expose()", () => {
        req("THINGS-absolute-forms", "pushes absolute forms at once and leaves base alone", async () => {
            const setUp = await SetUp.start({ secure: true, things: [] });
            try {
                const { thing } = await TestThing.produce(setUp.wot);
                const exposed = thing as unknown as Td & { base?: string };
                const exposing = thing.expose();
                for (const [name, { forms }] of affordancesOf(exposed)) {
                    expect(forms, name).to.have.length(1);
                    expect(forms[0]?.href).to.match(/^sse:\/\/127\.0\.0\.1:\d+\/hiveot\/request/);
                }
                await exposing;
                expect(exposed.base).to.equal(undefined);
            } finally {
                await setUp.stop();
            }
        });

        req(["THINGS-one-form", "THINGS-shared-servient"], "again changes nothing", async () => {
            const setUp = await SetUp.start({ secure: false, things: [COUNTER_ID] });
            try {
                const { thing } = setUp.counter;
                const before = thing.getThingDescription();
                await thing.expose();
                expect(thing.getThingDescription()).to.deep.equal(before);
            } finally {
                await setUp.stop();
            }
        });

        req(
            ["THINGS-shared-servient", "THINGS-own-td"],
            "serves each server's own forms first, beside binding-http",
            async () => {
                const made = await certificate();
                const { key: serverKey, cert: serverCert } = made;
                const account = { username: usernameOf("admin"), password: passwordOf("admin"), role: "admin" };
                const options = { port: 0, address: "127.0.0.1", accounts: [account] };
                const servers = [
                    new SseScServer({ ...options, serverKey, serverCert }),
                    new SseScServer(options),
                ] as const;
                const http = new HttpServer({ port: 0, address: "127.0.0.1" });
                const servient = new Servient();
                for (const server of [http, ...servers]) servient.addServer(server);
                const wot = await servient.start();
                const clients: RawClient[] = [];
                try {
                    const thing = await TestThing.produce(wot);
                    await thing.thing.expose();
                    thing.count = 5;
                    for (const [index, server] of servers.entries()) {
                        const transport: Transport = index === 0 ? "TLS h2" : "plain h1";
                        const authority = `127.0.0.1:${String(server.getPort())}`;
                        const origin = `${index === 0 ? "https" : "http"}://${authority}`;
                        const client = clientAt(transport, origin, made);
                        clients.push(client);
                        const td = await tdOf(client);
                        const scheme = index === 0 ? "sse" : "sse-plain";
                        expect(td.base).to.equal(`${scheme}://${authority}/hiveot/ssesc`);
                        const count = td.properties["count"]?.forms ?? [];
                        expect(count[0]?.href).to.equal(`${scheme}://${authority}/hiveot/request`);
                        const own = count.filter((form) => isSseSc(form) && form.href.includes(authority));
                        expect(own).to.have.length(1);
                        expect(count.some(({ href }) => href.startsWith("http://"))).to.equal(true);
                        await client.connect(account.username, account.password);
                        const read = { operation: "readproperty", thingID: COUNTER_ID, name: "count" };
                        expect((await client.call(read)).envelope).to.include({ output: 5 });
                        await client.call({ operation: "observeproperty", thingID: COUNTER_ID, name: "count" });
                    }
                    await thing.setCount(6);
                    for (const { stream } of clients) {
                        expect((await stream?.notification())?.json).to.include({ name: "count", value: 6 });
                    }
                    const path = `http://127.0.0.1:${String(http.getPort())}/counter/properties/count`;
                    expect(await (await fetch(path)).text()).to.equal("6");
                } finally {
                    await Promise.all(clients.map((client) => client.close()));
                    await servient.shutdown();
                }
            }
        );
    });

    describe("listening", () => {
        req("THINGS-one-listener", "takes one listener per affordance, however many subscribe", async () => {
            const setUp = await setUps("TLS h2");
            const spied = await setUp.wot.produce({ ...counterInit("urn:spied"), title: "Spied" });
            const calls: string[] = [];
            const { prototype } = ExposedThing;
            Object.assign(spied, {
                handleObserveProperty(this: ExposedThing, ...args: Parameters<ExposedThing["handleObserveProperty"]>) {
                    calls.push(args[0]);
                    return prototype.handleObserveProperty.apply(this, args);
                },
                handleSubscribeEvent(this: ExposedThing, ...args: Parameters<ExposedThing["handleSubscribeEvent"]>) {
                    calls.push(args[0]);
                    return prototype.handleSubscribeEvent.apply(this, args);
                },
            });
            spied.setPropertyReadHandler("count", () => Promise.resolve(1));
            await spied.expose();
            const clients = await Promise.all(Array.from({ length: 20 }, () => setUp.connected("TLS h2")));
            try {
                for (const client of clients) {
                    for (const [operation, name] of [
                        ["observeproperty", "count"],
                        ["subscribeevent", "tick"],
                    ]) {
                        await client.call({ operation, thingID: "urn:spied", name });
                    }
                    await client.call({ operation: "subscribeallevents", thingID: "urn:spied" });
                }
                spied.emitEvent("tick", "all");
                for (const { stream } of clients) await stream?.notification({ name: "tick", value: "all" });
                expect(calls.filter((name) => name === "count")).to.have.length(1);
                expect(calls.filter((name) => name === "tick")).to.have.length(1);
            } finally {
                await Promise.all(clients.map((client) => client.close()));
                await spied.destroy();
            }
        });

        req("THINGS-eager", "knows the latest event of a Thing that nobody ever subscribed to", async () => {
            const setUp = await setUps("plain h1");
            const thing = await TestThing.produce(setUp.wot, "urn:unheard");
            await thing.thing.expose();
            const client = await setUp.connected("plain h1");
            try {
                thing.tick("early");
                const target = { thingID: "urn:unheard", name: "tick" };
                const { envelope } = await client.call({ operation: "readevent", ...target });
                expect(envelope["output"]).to.include({ ...target, value: "early", affordanceType: "event" });
            } finally {
                await client.close();
                await thing.thing.destroy();
            }
        });

        req("THINGS-order", "keeps the order even where the content of an event takes longer to come", async () => {
            const setUp = await setUps("plain h1");
            const { counter } = setUp;
            const client = await setUp.connected("plain h1");
            try {
                for (const name of ["tick", "overflow"]) {
                    await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name });
                }
                const slow = new PassThrough();
                counter.thing.emitEvent("tick", ProtocolHelpers.toWoTStream(slow));
                counter.thing.emitEvent("overflow", 2);
                await client.call({ operation: "ping" });
                slow.end('"first"');
                await client.stream?.notification({ value: 2 });
                const values = client.stream?.notifications().map(({ value }) => value);
                expect(values).to.deep.equal(["first", 2]);
            } finally {
                await client.close();
            }
        });

        req(
            "THINGS-lazy",
            "calls a script's own subscribe handler for the first, its unsubscribe handler after the last",
            async () => {
                const setUp = await setUps("plain h1");
                const { counter } = setUp;
                expect(counter.alarm).to.deep.equal({ subscribed: 0, unsubscribed: 0 });
                const clients = [await setUp.connected("plain h1"), await setUp.connected("plain h1")];
                const target = { thingID: COUNTER_ID, name: "alarm" };
                try {
                    for (const client of clients) {
                        expect((await client.call({ operation: "subscribeevent", ...target })).envelope).to.include({
                            status: "completed",
                        });
                    }
                    expect(counter.alarm).to.deep.equal({ subscribed: 1, unsubscribed: 0 });
                    counter.sound("heard");
                    for (const { stream } of clients) {
                        expect((await stream?.notification({ name: "alarm" }))?.json).to.include({ value: "heard" });
                    }
                    await clients[0]?.call({ operation: "unsubscribeevent", ...target });
                    expect(counter.alarm).to.deep.equal({ subscribed: 1, unsubscribed: 0 });
                    await clients[1]?.call({ operation: "unsubscribeallevents", thingID: COUNTER_ID });
                    expect(counter.alarm).to.deep.equal({ subscribed: 1, unsubscribed: 1 });
                } finally {
                    await Promise.all(clients.map((client) => client.close()));
                }
            }
        );
    });
});
