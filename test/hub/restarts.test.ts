/** Hub, agent or both are killed and started again: whoever is left works on without a hand on it. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { Servient } from "@node-wot/core";
import { expect } from "chai";
import { connect, SseScPlainClientFactory, type Connection } from "../../src/index";
import { temporaryFolder } from "../support/certificates";
import { sideBySide, type OnEnd } from "../support/side-by-side";
import { COUNTER_ID } from "../support/things";
import { CREDENTIALS, FAST } from "./members";

type Told = Readonly<Record<"port" | "registered", unknown>>;

/** A hub or an agent in a process of its own. */
class Member {
    private constructor(
        private readonly child: ChildProcess,
        /** What it told first: the hub its port, the agent its Thing. */
        readonly told: Told
    ) {}

    static async start(onEnd: OnEnd, ...args: readonly string[]): Promise<Member> {
        const child = fork(join(__dirname, "child-member.ts"), args, {
            execArgv: ["--import", "tsx"],
            stdio: ["ignore", "ignore", "ignore", "ipc"],
        });
        onEnd(() => kill(child));
        const [told] = (await once(child, "message")) as [Told];
        return new Member(child, told);
    }

    /** What it tells next. */
    async next(): Promise<Told> {
        const [told] = (await once(this.child, "message")) as [Told];
        return told;
    }

    tick(text: string): void {
        this.child.send(text);
    }

    kill(): Promise<void> {
        return kill(this.child);
    }
}

async function kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
}

/** Two consumers, each with the events that it heard. */
class Consumers {
    readonly heard: [string[], string[]] = [[], []];
    readonly #servient = new Servient();
    #changed = (): void => undefined;
    #probes = 0;

    private constructor(
        readonly connection: Connection,
        private thing: WoT.ConsumedThing | undefined
    ) {}

    static async start(onEnd: OnEnd, url: string): Promise<Consumers> {
        const connection = await connect(url, CREDENTIALS.consumer, { reconnect: FAST });
        onEnd(() => connection.close());
        const consumers = new Consumers(connection, undefined);
        const credentials = { [url]: CREDENTIALS.consumer };
        consumers.#servient.addClientFactory(new SseScPlainClientFactory({ credentials, reconnect: FAST }));
        onEnd(() => consumers.#servient.shutdown());
        const wot = await consumers.#servient.start();
        const td = await wot.requestThingDescription(`${url}/things/${encodeURIComponent(COUNTER_ID)}`);
        consumers.thing = await wot.consume(td);
        const [first, second] = consumers.heard;
        await connection.subscribeEvent(COUNTER_ID, "tick", {
            onNotification: ({ value }) => {
                consumers.#hear(first, String(value));
            },
        });
        await consumers.thing.subscribeEvent("tick", (output) => {
            void output.value().then((value) => {
                consumers.#hear(second, value as string);
            });
        });
        return consumers;
    }

    /** Resolves when both have heard this text. */
    async both(text: string): Promise<void> {
        while (!this.heard.every((texts) => texts.includes(text))) {
            await new Promise<void>((resolve) => (this.#changed = resolve));
        }
    }

    /** Values of a property as both read it. */
    async read(): Promise<unknown[]> {
        const output = await this.thing?.readProperty("limit");
        return [await this.connection.readProperty(COUNTER_ID, "limit"), await output?.value()];
    }

    /**
     * Resolves when both hear again what is told; what was told on the way is forgotten. Nothing else shows it: the Scripting API does
     * not say when a subscription is back.
     */
    async listening(tell: (text: string) => void): Promise<void> {
        const from = ++this.#probes;
        while (!this.heard.every((texts) => texts.some((text) => text === `probe ${String(from)}`))) {
            tell(`probe ${String(from)}`);
            await this.read();
        }
        tell("last probe");
        await this.both("last probe");
        for (const texts of this.heard) texts.length = 0;
    }

    #hear(texts: string[], text: string): void {
        texts.push(text);
        this.#changed();
    }
}

const TEXTS = ["one", "two", "three"];

describe("a hub, its agent and its consumers", function () {
    this.timeout(30_000);
    const aside = sideBySide();

    for (const kept of ["kept on disk", "in memory"] as const) {
        describe(`with a directory that is ${kept}`, () => {
            it(
                "work on by themselves after the hub, the agent, or both were killed and came back",
                aside(async (onEnd) => {
                    const store = kept === "in memory" ? "" : mkdtempSync(join(temporaryFolder(), "hub-"));
                    let hub = await Member.start(onEnd, "hub", "0", store);
                    const port = String(hub.told.port);
                    const url = `sse-plain://127.0.0.1:${port}`;
                    let agent = await Member.start(onEnd, "agent", url);
                    expect(agent.told).to.deep.equal({ registered: COUNTER_ID });
                    const consumers = await Consumers.start(onEnd, url);

                    /** Everything is heard once and in order, by subscriptions that were made before anything was killed. */
                    async function works(): Promise<void> {
                        expect(await consumers.read()).to.deep.equal([20, 20]);
                        await consumers.listening((text) => {
                            agent.tick(text);
                        });
                        for (const text of TEXTS) agent.tick(text);
                        await consumers.both(TEXTS.at(-1)!);
                        expect(consumers.heard).to.deep.equal([TEXTS, TEXTS]);
                    }

                    await works();

                    const registered = agent.next();
                    await hub.kill();
                    hub = await Member.start(onEnd, "hub", port, store);
                    expect(await registered).to.deep.equal({ registered: COUNTER_ID });
                    await works();

                    await agent.kill();
                    agent = await Member.start(onEnd, "agent", url);
                    await works();

                    await Promise.all([agent.kill(), hub.kill()]);
                    [agent, hub] = await Promise.all([
                        Member.start(onEnd, "agent", url),
                        Member.start(onEnd, "hub", port, store),
                    ]);
                    await works();
                })
            );
        });
    }
});
