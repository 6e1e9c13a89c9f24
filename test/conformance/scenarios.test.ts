/** Every scenario over every transport with every kind of consumer. */
import {
    isSecure,
    type Role,
    type SetUp,
    sharedSetUps,
    type Transport,
    TRANSPORTS,
    usernameOf,
} from "../support/set-ups";
import { ConnectConsumer } from "./connect-consumer";
import type { Consumer } from "./consumers";
import { NodeWotConsumer } from "./node-wot-consumer";
import { RawConsumer } from "./raw-consumer";
import { CurlWire, curlHas } from "./raw/curl";
import { RawClient } from "./raw/raw-client";
import { req } from "./requirements";
import { SCENARIOS, type World } from "./scenarios";

interface Kind {
    readonly name: string;
    readonly available: (transport: Transport) => boolean;
    readonly connect: (setUp: SetUp, transport: Transport, role: Role) => Promise<Consumer>;
}

/** The option of curl that makes it speak as the transport says. */
function curlVersion(transport: Transport): "--http1.1" | "--http2" {
    return transport === "TLS h2" ? "--http2" : "--http1.1";
}

describe("scenarios", () => {
    const setUps = sharedSetUps();

    const kinds: readonly Kind[] = [
        {
            name: "raw client",
            available: () => true,
            connect: async (setUp, transport, role) => new RawConsumer(await setUp.connected(transport, role)),
        },
        {
            name: "curl",
            available: (transport) => curlHas(curlVersion(transport)),
            connect: async (setUp, transport, role) => {
                const caFile = isSecure(transport) ? setUp.certificate.certFile : undefined;
                const client = new RawClient(
                    new CurlWire({ origin: setUp.origin, version: curlVersion(transport), caFile })
                );
                client.token = await setUp.token(role);
                client.clientId = usernameOf(role);
                const stream = await client.openStream();
                await stream.next(({ event }) => event === "sse-ping");
                return new RawConsumer(client);
            },
        },
        {
            name: "node-wot consumer",
            available: () => true,
            connect: (setUp, transport, role) => NodeWotConsumer.connect(setUp, transport, role),
        },
        {
            name: "connect()",
            available: () => true,
            connect: (setUp, transport, role) => ConnectConsumer.connect(setUp, transport, role),
        },
    ];

    for (const transport of TRANSPORTS) {
        for (const { name, connect } of kinds.filter(({ available }) => available(transport))) {
            describe(`${name} over ${transport}`, () => {
                const consumers: Consumer[] = [];
                const kept = new Map<Role, Promise<Consumer>>();

                afterEach(async () => {
                    await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
                    (await setUps(transport)).reset();
                });

                after(async () => {
                    await Promise.all([...kept.values()].map(async (consumer) => (await consumer).close()));
                });

                for (const scenario of SCENARIOS) {
                    req(scenario.requirements, scenario.name, async () => {
                        const setUp = await setUps(transport);
                        const world: World = {
                            counter: setUp.counter,
                            twin: setUp.twin,
                            consumer: async (role = "manager") => {
                                if (scenario.traceless === true) {
                                    const known = kept.get(role) ?? connect(setUp, transport, role);
                                    kept.set(role, known);
                                    return await known;
                                }
                                const consumer = await connect(setUp, transport, role);
                                consumers.push(consumer);
                                return consumer;
                            },
                        };
                        await scenario.run(world);
                    });
                }
            });
        }
    }
});
