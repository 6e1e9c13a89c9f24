/** Every scenario over every transport with every kind of consumer, in both dialects. */
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
import { type Dialect, RawClient, STREAM_PATHS } from "./raw/raw-client";
import { req } from "./requirements";
import { SCENARIOS, type World } from "./scenarios";

interface Kind {
    readonly name: string;
    readonly available: (transport: Transport) => boolean;
    readonly connect: (setUp: SetUp, transport: Transport, role: Role, dialect: Dialect) => Promise<Consumer>;
}

/**
 * What runs. The client that any mistake shows in runs everywhere; the others meet each transport and each dialect, but not each
 * pair of them: a dialect does not know its transport.
 */
function isChosen(kind: string, transport: Transport, dialect: Dialect): boolean {
    if (kind === "raw client" || dialect === "rrn") return true;
    return kind === "curl" ? transport === "plain h1" : transport === "TLS h2";
}

/** The option of curl that makes it speak as the transport says. */
function curlVersion(transport: Transport): "--http1.1" | "--http2" {
    return transport === "TLS h2" ? "--http2" : "--http1.1";
}

describe("scenarios", () => {
    /** Both dialects are spoken on each server; the TDs name the stream of one. */
    const setUpsOf: Readonly<Record<Dialect, ReturnType<typeof sharedSetUps>>> = {
        rrn: sharedSetUps(),
        "rrn-2025": sharedSetUps({ server: { streamPath: STREAM_PATHS["rrn-2025"] } }),
    };

    const kinds: readonly Kind[] = [
        {
            name: "raw client",
            available: () => true,
            connect: async (setUp, transport, role, dialect) =>
                new RawConsumer(await setUp.connected(transport, role, dialect)),
        },
        {
            name: "curl",
            available: (transport) => curlHas(curlVersion(transport)),
            connect: async (setUp, transport, role, dialect) => {
                const caFile = isSecure(transport) ? setUp.certificate.certFile : undefined;
                const client = new RawClient(
                    new CurlWire({ origin: setUp.origin, version: curlVersion(transport), caFile }),
                    dialect
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
            connect: (setUp, transport, role, dialect) => ConnectConsumer.connect(setUp, transport, role, dialect),
        },
    ];

    const all = TRANSPORTS.flatMap((transport) =>
        (["rrn", "rrn-2025"] as const).map((dialect) => ({ transport, dialect, setUps: setUpsOf[dialect] }))
    );
    for (const { transport, dialect, setUps } of all) {
        const chosen = kinds.filter((kind) => kind.available(transport) && isChosen(kind.name, transport, dialect));
        for (const { name, connect } of chosen) {
            describe(`${name} over ${transport} in ${dialect}`, () => {
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
                                    const known = kept.get(role) ?? connect(setUp, transport, role, dialect);
                                    kept.set(role, known);
                                    return await known;
                                }
                                const consumer = await connect(setUp, transport, role, dialect);
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
