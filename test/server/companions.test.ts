import { HttpServer } from "@node-wot/binding-http";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { SseScServer } from "../../src/index";
import { Http1Wire, RawClient } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { passwordOf, SetUp, usernameOf } from "../support/set-ups";
import { COUNTER_ID, TestThing } from "../support/things";

interface TdForm {
    href: string;
    op: string[];
    subprotocol?: string;
}

const ACCOUNTS = [{ username: usernameOf("admin"), password: passwordOf("admin"), role: "admin" }];

function formsOf(test: TestThing): TdForm[] {
    const { properties = {} } = test.thing.getThingDescription();
    return (properties["count"]?.forms ?? []) as unknown as TdForm[];
}

describe("SseScServer beside others on one servient", () => {
    it("shares the Thing with binding-http and another SseScServer, in either order", async () => {
        const { key, cert } = await certificate();
        for (const httpFirst of [true, false]) {
            const servient = new Servient();
            const plain = new SseScServer({ port: 0, accounts: ACCOUNTS });
            const secure = new SseScServer({
                port: 0,
                address: "127.0.0.1",
                serverKey: key,
                serverCert: cert,
                accounts: ACCOUNTS,
            });
            const http = new HttpServer({ port: 0, address: "127.0.0.1" });
            for (const server of httpFirst ? [http, plain, secure] : [plain, secure, http]) servient.addServer(server);
            const wot = await servient.start();
            const counter = await TestThing.produce(wot);
            await counter.thing.expose();
            try {
                const schemes = formsOf(counter).map(({ href }) => new URL(href).protocol);
                expect(schemes.filter((scheme) => scheme === "sse:")).to.have.length(1);
                expect(schemes.filter((scheme) => scheme === "sse-plain:")).to.have.length(1);
                expect(schemes).to.include("http:");

                const { pathname } = new URL(formsOf(counter).find(({ href }) => href.startsWith("http:"))?.href ?? "");
                const read = await fetch(`http://127.0.0.1:${String(http.getPort())}${pathname}`);
                expect(await read.json()).to.equal(0);

                // Each server's own TD begins with its own form and keeps those of the others.
                for (const server of [plain, secure]) {
                    const td = server.getThingDescription(COUNTER_ID) as {
                        base: string;
                        properties: Record<string, { forms: TdForm[] }>;
                    };
                    const forms = td.properties["count"]?.forms ?? [];
                    expect(forms[0]?.href).to.equal(
                        `${server.scheme}://127.0.0.1:${String(server.getPort())}/hiveot/request`
                    );
                    expect(forms.length).to.equal(formsOf(counter).length);
                    expect(td.base).to.equal(`${server.scheme}://127.0.0.1:${String(server.getPort())}/hiveot/ssesc`);
                }
            } finally {
                await servient.shutdown();
            }
        }
    });

    it("emits through each server once, whatever the order of their forms", async () => {
        const servient = new Servient();
        const servers = [
            new SseScServer({ port: 0, accounts: ACCOUNTS }),
            new SseScServer({ port: 0, accounts: ACCOUNTS }),
        ];
        for (const server of servers) servient.addServer(server);
        const wot = await servient.start();
        const counter = await TestThing.produce(wot);
        await counter.thing.expose();
        try {
            for (const server of servers) {
                const { stream, close } = await connect(server);
                await stream.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
                counter.tick("one");
                counter.tick("two");
                await stream.stream?.notification({ value: "two" });
                expect(stream.stream?.notifications().map(({ value }) => value)).to.deep.equal(["one", "two"]);
                await close();
            }
        } finally {
            await servient.shutdown();
        }
    });
});

async function connect(server: SseScServer) {
    const wire = new Http1Wire({ origin: `http://127.0.0.1:${String(server.getPort())}` });
    const stream = new RawClient(wire);
    await stream.connect(usernameOf("admin"), passwordOf("admin"));
    return { stream, close: () => wire.close() };
}

describe("SseScServer and the life of a Thing", () => {
    let setUp: SetUp;

    beforeEach(async () => {
        setUp = await SetUp.start({ secure: false, things: [COUNTER_ID] });
    });

    afterEach(async () => {
        await setUp.stop();
    });

    it("exposes a Thing again without a second form or a second notification", async () => {
        const { counter } = setUp;
        await counter.thing.expose();
        await setUp.server.expose(counter.thing); // as `addServer` does, without clearing the forms
        expect(formsOf(counter)).to.have.length(1);
        const client = await setUp.connected("plain h1");
        await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
        counter.tick("once");
        await client.call({ operation: "ping" });
        expect(client.stream?.notifications()).to.have.length(1);
    });

    it("forgets a Thing that is destroyed, and serves its subscribers again when it comes back", async () => {
        const client = await setUp.connected("plain h1");
        await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "tick" });
        await setUp.counter.thing.destroy();
        const read = { operation: "readproperty", thingID: COUNTER_ID, name: "count" };
        expect((await client.call(read)).envelope["error"]).to.include({ status: 404 });
        expect((await fetch(`${setUp.origin}/things/${encodeURIComponent(COUNTER_ID)}`)).status).to.equal(404);
        expect(setUp.server.status.listeners).to.equal(0);

        const again = await TestThing.produce(setUp.wot);
        await again.thing.expose();
        again.tick("back");
        expect((await client.stream?.notification())?.json).to.include({ value: "back" });
    });

    it("serves Things that were there before the server was added", async () => {
        const late = new SseScServer({ port: 0, accounts: ACCOUNTS });
        setUp.servient.addServer(late);
        await late.start(setUp.servient);
        try {
            const { stream, close } = await connect(late);
            const read = { operation: "readproperty", thingID: COUNTER_ID, name: "count" };
            expect((await stream.call(read)).envelope).to.include({ output: 0 });
            await close();
        } finally {
            await late.stop();
        }
    });

    it("calls the application's own subscribe handler with the first subscriber, and its opposite with the last", async () => {
        const { alarm } = setUp.counter;
        expect(alarm).to.deep.equal({ subscribed: 0, unsubscribed: 0 });
        const topic = { thingID: COUNTER_ID, name: "alarm" };
        const one = await setUp.connected("plain h1");
        const two = await setUp.connected("plain h1");
        await one.call({ operation: "subscribeevent", ...topic });
        await two.call({ operation: "subscribeallevents", thingID: COUNTER_ID });
        expect(alarm).to.deep.equal({ subscribed: 1, unsubscribed: 0 });
        await one.call({ operation: "unsubscribeevent", ...topic });
        expect(alarm).to.deep.equal({ subscribed: 1, unsubscribed: 0 });
        await two.call({ operation: "unsubscribeallevents", thingID: COUNTER_ID });
        expect(alarm).to.deep.equal({ subscribed: 1, unsubscribed: 1 });
    });

    it("knows the latest event of a name that nobody ever subscribed to", async () => {
        setUp.counter.tick("unheard");
        const client = await setUp.connected("plain h1");
        const read = await client.call({ operation: "readevent", thingID: COUNTER_ID, name: "tick" });
        expect(read.envelope["output"]).to.include({ affordanceType: "event", value: "unheard" });
    });

    it("tells a subscriber whose subscription the application refuses", async () => {
        setUp.counter.thing.setEventSubscribeHandler("alarm", () => Promise.reject(new Error("no")));
        const client = await setUp.connected("plain h1");
        const refused = await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "alarm" });
        expect(refused.envelope["error"]).to.include({ status: 500 });
        const { listeners } = setUp.server.status;
        setUp.counter.thing.setEventSubscribeHandler("alarm", () => Promise.resolve());
        const accepted = await client.call({ operation: "subscribeevent", thingID: COUNTER_ID, name: "alarm" });
        expect(accepted.envelope).to.include({ status: "completed" });
        expect(setUp.server.status.listeners).to.equal(listeners + 1);
        setUp.counter.sound("once");
        await client.call({ operation: "ping" });
        expect(client.stream?.notifications()).to.have.length(1);
    });
});
