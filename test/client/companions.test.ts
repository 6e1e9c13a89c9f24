import { HttpClientFactory, HttpServer } from "@node-wot/binding-http";
import { Helpers, Servient, type Form, type ProtocolClientFactory } from "@node-wot/core";
import { expect } from "chai";
import { normalizeThingDescription, SseScClientFactory, SseScPlainClientFactory, SseScServer } from "../../src/index";
import { passwordOf, usernameOf } from "../support/set-ups";
import { COUNTER_ID, TestThing } from "../support/things";

const ADMIN = { username: usernameOf("admin"), password: passwordOf("admin") };

/** Notes the forms that the clients of a factory are given to read. */
function formsReadBy(factory: ProtocolClientFactory): string[] {
    const hrefs: string[] = [];
    const getClient = factory.getClient.bind(factory);
    factory.getClient = () => {
        const client = getClient();
        const readResource = client.readResource.bind(client);
        client.readResource = (form: Form) => {
            hrefs.push(form.href);
            return readResource(form);
        };
        return client;
    };
    return hrefs;
}

describe("the client factories beside binding-http in one servient", () => {
    let host: Servient;
    let guest: Servient;
    let server: SseScServer;
    let http: HttpServer;

    beforeEach(async () => {
        host = new Servient();
        server = new SseScServer({ port: 0, accounts: [{ ...ADMIN, role: "admin" }] });
        http = new HttpServer({ port: 0, address: "127.0.0.1" });
        host.addServer(server);
        host.addServer(http);
        const counter = await TestThing.produce(await host.start());
        Helpers.setStaticAddress("127.0.0.1"); // else binding-http names the machine's address, whatever it is bound to
        await counter.thing.expose();
        Helpers.setStaticAddress(undefined as never);
        guest = new Servient();
    });

    afterEach(async () => {
        await guest.shutdown();
        await host.shutdown();
    });

    it("get their own forms, each of them", async () => {
        const factories = { sse: new SseScPlainClientFactory(), http: new HttpClientFactory() };
        const read = { sse: formsReadBy(factories.sse), http: formsReadBy(factories.http) };
        guest.addClientFactory(factories.http);
        guest.addClientFactory(factories.sse);
        guest.addCredentials({ [COUNTER_ID]: ADMIN });
        const wot = await guest.start();
        const td = server.getThingDescription(COUNTER_ID);
        const counter = await wot.consume(td);
        const forms = (td.properties?.["count"]?.forms ?? []) as { href: string }[];
        const overHttp = forms.findIndex(
            ({ href }) => href.startsWith(`http://`) && href.includes(`:${String(http.getPort())}/`)
        );
        expect(overHttp).to.be.greaterThan(0);

        expect(await (await counter.readProperty("count")).value()).to.equal(0);
        expect(read).to.deep.equal({ sse: [forms[0]?.href], http: [] });
        expect(await (await counter.readProperty("count", { formIndex: overHttp })).value()).to.equal(0);
        expect(read).to.deep.equal({ sse: [forms[0]?.href], http: [forms[overHttp]?.href] });
    });

    it("are not given each other's https forms: one with sse-sc becomes sse", async () => {
        guest.addClientFactory(new HttpClientFactory());
        guest.addClientFactory(new SseScClientFactory());
        await guest.start();
        const plain = { href: "https://h:1/count", op: ["readproperty"] };
        const sse = { href: "https://h:1/hiveot/request", subprotocol: "sse-sc", op: ["readproperty"] };
        const td = normalizeThingDescription({
            "@context": "https://www.w3.org/2022/wot/td/v1.1",
            id: "urn:x",
            title: "X",
            security: "nosec_sc",
            securityDefinitions: { nosec_sc: { scheme: "nosec" } },
            properties: { count: { type: "integer", forms: [plain, sse] } },
        });
        const hrefs = (td.properties?.["count"]?.forms ?? []).map(({ href }) => href);
        expect(hrefs).to.deep.equal(["sse://h:1/hiveot/request", "https://h:1/count"]);
    });
});
