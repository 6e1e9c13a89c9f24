/** Connections of HTTP/2 whose readers stall: Node never gives back what their cut streams had not sent (design.md, "Delivery"). */
import { expect } from "chai";
import { Http2Wire, RawClient } from "../conformance/raw/raw-client";
import { onEnd } from "../hub/harness";
import { eventually } from "../support/eventually";
import { SetUp, usernameOf, type Role } from "../support/set-ups";
import type { TestThing } from "../support/things";

const MIB = 1024 * 1024;
const BACKLOG = 64 * 1024;
const THING = "urn:one";

describe("a connection of HTTP/2 whose streams are cut because nobody reads them", () => {
    let setUp: SetUp;
    let thing: TestThing;
    let healthy: RawClient;

    beforeEach(async () => {
        const server = { maxStreamBacklog: BACKLOG };
        setUp = await SetUp.start({ secure: true, server, things: [THING, "urn:another"] });
        onEnd(() => setUp.stop());
        thing = setUp.thing(THING);
        [, healthy] = await hears("operator", "urn:another");
    });

    async function hears(role: Role, thingID = THING): Promise<[Http2Wire, RawClient]> {
        const wire = new Http2Wire({ origin: setUp.origin, ca: setUp.certificate.cert });
        onEnd(() => wire.close());
        const client = new RawClient(wire);
        client.token = await setUp.token(role);
        client.clientId = usernameOf(role);
        await subscribe(client, thingID);
        return [wire, client];
    }

    async function subscribe(client: RawClient, thingID = THING): Promise<void> {
        const stream = await client.openStream();
        await stream.next(({ event }) => event === "sse-ping");
        await client.call({ operation: "subscribeallevents", thingID });
    }

    async function pings(client: RawClient): Promise<void> {
        expect((await client.call({ operation: "ping" })).envelope).to.include({ output: "pong" });
    }

    /** Has the stream of a client cut while so many bytes of it are not sent. */
    async function stall(client: RawClient, bytes: number): Promise<void> {
        const { sessions } = setUp.server.status;
        client.stream!.pause();
        thing.tick("x".repeat(bytes));
        await pings(healthy); // by then it has gone to the socket
        thing.tick("waits");
        thing.tick("x".repeat(2 * BACKLOG));
        await eventually("it is cut", () => setUp.server.status.sessions === sessions - 1);
        client.stream!.destroy();
    }

    it("goes on up to 16 MiB of what was not sent, then is given up; nobody else notices", async () => {
        const [wire, client] = await hears("viewer");
        for (const bytes of [7 * MIB, 7 * MIB]) {
            await stall(client, bytes);
            await subscribe(client);
        }
        await pings(client);
        expect([wire.goaways, wire.connections]).to.deep.equal([0, 1]);
        await stall(client, 3 * MIB);
        await eventually("GOAWAY", () => wire.goaways === 1);
        await subscribe(client);
        await pings(client);
        expect([wire.goaways, wire.connections]).to.deep.equal([1, 2]);
        await pings(healthy);
        expect(healthy.wire).to.include({ goaways: 0, connections: 1 });
        expect(healthy.stream!.ended).to.equal(false);
    });
});
