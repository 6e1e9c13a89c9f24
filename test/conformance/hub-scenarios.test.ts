/**
 * The scenarios with the Things behind an agent and a hub: consumers at the hub, elsewhere and without node-wot, agent and consumer in
 * either dialect, over every transport. Every value of each is paired with every value of the others.
 */
import { type Role, type SetUp, sharedSetUps, type Transport } from "../support/set-ups";
import { ConnectConsumer } from "./connect-consumer";
import type { Consumer } from "./consumers";
import { NodeWotConsumer } from "./node-wot-consumer";
import { type Dialect, STREAM_PATHS } from "./raw/raw-client";
import { req } from "./requirements";
import { type Scenario, SCENARIOS, type World } from "./scenarios";

interface Kind {
    readonly connect: (setUp: SetUp, transport: Transport, role: Role, dialect: Dialect) => Promise<Consumer>;
    /** Why a scenario cannot be told of this kind; `undefined` if it can. */
    readonly excludes: (scenario: Scenario) => string | undefined;
}

const KINDS = {
    "a node-wot consumer at the hub": {
        connect: (setUp) => NodeWotConsumer.local(setUp),
        excludes: ({ requirements, name }) =>
            requirements.includes("BAD-role") || /-refused$/.test(requirements.join())
                ? "scripts of the hub's own process may do everything"
                : name.includes("not that of another client")
                  ? "scripts of one process are one client"
                  : undefined,
    },
    "a node-wot consumer elsewhere": {
        connect: (setUp, transport, role) => NodeWotConsumer.connect(setUp, transport, role),
        excludes: () => undefined,
    },
    "connect()": {
        connect: (setUp, transport, role, dialect) => ConnectConsumer.connect(setUp, transport, role, dialect),
        excludes: () => undefined,
    },
} as const satisfies Record<string, Kind>;

/** Consumer, its dialect, that of the agent, and the transport of both. */
const COMBINATIONS: readonly (readonly [keyof typeof KINDS, Dialect, Dialect, Transport])[] = [
    ["a node-wot consumer at the hub", "rrn", "rrn", "TLS h2"],
    ["a node-wot consumer at the hub", "rrn-2025", "rrn-2025", "plain h1"],
    ["a node-wot consumer at the hub", "rrn", "rrn-2025", "TLS h1"],
    ["a node-wot consumer elsewhere", "rrn", "rrn-2025", "TLS h2"],
    ["a node-wot consumer elsewhere", "rrn-2025", "rrn", "TLS h1"],
    ["a node-wot consumer elsewhere", "rrn", "rrn", "plain h1"],
    ["connect()", "rrn-2025", "rrn-2025", "TLS h2"],
    ["connect()", "rrn", "rrn", "TLS h1"],
    ["connect()", "rrn-2025", "rrn-2025", "plain h1"],
];

describe("scenarios behind an agent and a hub", () => {
    for (const [kind, dialect, ofAgent, transport] of COMBINATIONS) {
        const { connect, excludes }: Kind = KINDS[kind];
        describe(`${kind} in ${dialect}, agent in ${ofAgent}, over ${transport}`, () => {
            const setUps = sharedSetUps({
                agent: { transport, dialect: ofAgent },
                server: { streamPath: STREAM_PATHS[dialect] },
            });
            const consumers: Consumer[] = [];
            const kept = new Map<Role, Promise<Consumer>>();
            let witness: Promise<Consumer> | undefined;

            /** What the agent told until now is at the hub: a response waits for it. */
            async function hubIsUpToDate(setUp: SetUp): Promise<void> {
                witness ??= NodeWotConsumer.local(setUp);
                for (const thingId of setUp.things.keys()) {
                    await (await witness).perform("readproperty", { thingId, name: "serial" });
                }
            }

            afterEach(async () => {
                await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
                (await setUps(transport)).reset();
            });

            after(async () => {
                await Promise.all([...kept.values()].map(async (consumer) => (await consumer).close()));
                await (await witness)?.close();
            });

            for (const scenario of SCENARIOS.filter((each) => excludes(each) === undefined)) {
                req(["HUB-scenarios", ...scenario.requirements], scenario.name, async () => {
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
                            await hubIsUpToDate(setUp);
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
});
