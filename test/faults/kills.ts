/** Scenarios of processes that are killed, and of an agent whose network fails. */
import { expect } from "chai";
import { RawClient } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { isSecure, wireTo } from "../support/set-ups";
import type { Verdict } from "./ledger";
import { CREDENTIALS, THING, type Member } from "./members";
import { callingWhile } from "./network";
import { CALM } from "./proxy";
import { freshFolder, type Scenario } from "./scenario";

/** Numbers that are under way when something is killed. */
const BURST = 100;

/** Bytes of a client: more than a TLS handshake, less than that and a request. */
const BEYOND_HANDSHAKE = 900;

/** Emits, and returns in the middle of it. */
async function inTheMiddle(scenario: Scenario, member: Member): Promise<void> {
    const before = scenario.emitted;
    void scenario.emit(member, BURST, { every: 1 });
    await scenario.consumers[0]!.hears(before + scenario.random.between(BURST / 5, (BURST * 4) / 5));
}

/** The server is killed and comes back on the same port. */
export async function serverKilled(scenario: Scenario): Promise<Verdict> {
    const store = freshFolder("store-");
    const rounds = scenario.run.long ? 8 : 2;
    const first = await scenario.server({ store });
    const { port } = first;
    let { member } = first;
    const consumers = [await scenario.consumer("first", port), await scenario.consumer("second", port)];
    await callingWhile(consumers, async () => {
        for (let round = 0; round < rounds; round++) {
            await inTheMiddle(scenario, member);
            await member.kill();
            ({ member } = await scenario.server({ store }, port));
            await scenario.settle(member);
        }
    });
    await scenario.settle(member);
    const verdict = await scenario.verdict();
    expect(verdict.gaps).to.equal(rounds * consumers.length);
    return verdict;
}

/**
 * A POST breaks behind the execution of its action, the server is killed and comes back: whoever called does not know, and nobody does it
 * twice; a repeat of that POST at the new server is refused with `NO_SESSION`.
 */
export async function outcomeUnknown(scenario: Scenario): Promise<Verdict> {
    const store = freshFolder("store-");
    const first = await scenario.server({ store });
    const { port } = first;
    let { member } = first;
    const proxy = await scenario.proxy(port);
    const consumer = await scenario.consumer("behind", proxy.port);
    // The POST may need a new connection: its handshake passes, and then nothing that the server says
    const swallow = { end: "silence", mute: "server" } as const;
    proxy.course = () => ({ ...swallow, up: isSecure(scenario.transport) ? BEYOND_HANDSHAKE : 0 });
    proxy.change(() => ({ ...swallow, down: 0 }));
    const executed = member.next("executed");
    const outcome = consumer.invoke();
    await executed;

    // The same by hand, for the wire: one POST, whose reply is lost with the server.
    const raw = new RawClient(wireTo(scenario.transport, scenario.origin(port), await certificate()));
    scenario.onEnd(() => raw.close());
    await raw.connect(CREDENTIALS.consumer.username, CREDENTIALS.consumer.password);
    const id = "raw-1";
    const request = {
        ...{ messageType: "request", operation: "invokeaction", thingID: THING, name: "act" },
        ...{ input: { scenario: scenario.name, id }, correlationID: id, messageID: id },
    };
    scenario.tell({ fact: "invoked", id });
    const executedToo = member.next("executed");
    await Promise.all([executedToo, raw.post("/hiveot/request", request)]);

    await member.kill();
    proxy.course = () => CALM;
    proxy.endAll("reset");
    ({ member } = await scenario.server({ store }, port));
    const again = await raw.post("/hiveot/request", request);
    expect(again.status).to.equal(400);
    expect(again.body).to.contain("NO_SESSION");
    scenario.tell({ fact: "outcome", id, code: "OUTCOME_UNKNOWN" });

    expect(await outcome).to.equal("OUTCOME_UNKNOWN");
    await scenario.settle(member);
    const verdict = await scenario.verdict({ actions: 2 });
    expect(verdict.outcomes).to.deep.equal({ OUTCOME_UNKNOWN: 2 });
    return verdict;
}

/** Starts an agent of the hub on this port and waits until the hub has its Thing. */
async function agentAt(scenario: Scenario, port: number): Promise<Member> {
    const httpVersion = scenario.transport === "TLS h2" ? 2 : 1;
    return scenario.member({ agentOf: scenario.url(port), httpVersion });
}

/** The connections of an agent to its hub are cut all the time; its consumers are at the hub. */
export async function agentCut(scenario: Scenario): Promise<Verdict> {
    const { random, run } = scenario;
    const { port } = await scenario.server({ hub: true });
    const proxy = await scenario.proxy(port);
    const agent = await agentAt(scenario, proxy.port);
    const consumers = [await scenario.consumer("first", port), await scenario.consumer("second", port)];
    await callingWhile(
        consumers,
        async () => {
            proxy.course = () => ({
                up: random.between(6_000, 40_000),
                down: random.between(6_000, 40_000),
                end: random.pick(["reset", "finish"]),
            });
            proxy.change(proxy.course);
            await scenario.emitPaced(agent, run.long ? 5_000 : 300);
        },
        () => {
            proxy.course = () => CALM;
            proxy.change(proxy.course);
        }
    );
    await scenario.settle(agent);
    const verdict = await scenario.verdict({ gaps: 0 });
    expect(proxy.happened.cuts).to.be.at.least(run.long ? 50 : 4);
    return verdict;
}

/** The hub is killed and comes back, while its agent and its consumers stay. */
export async function hubKilled(scenario: Scenario): Promise<Verdict> {
    const store = freshFolder("store-");
    const rounds = scenario.run.long ? 6 : 1;
    const first = await scenario.server({ hub: true, store });
    const { port } = first;
    let { member: hub } = first;
    const agent = await agentAt(scenario, port);
    const consumers = [await scenario.consumer("first", port), await scenario.consumer("second", port)];
    await callingWhile(consumers, async () => {
        for (let round = 0; round < rounds; round++) {
            await inTheMiddle(scenario, agent);
            const registered = agent.next("registered");
            await hub.kill();
            ({ member: hub } = await scenario.server({ hub: true, store }, port));
            await registered;
            await scenario.settle(agent);
        }
    });
    await scenario.settle(agent);
    const verdict = await scenario.verdict();
    expect(verdict.gaps).to.equal(rounds * consumers.length);
    return verdict;
}

/** The agent is killed and another one takes its place; what the hub had of it arrives. */
export async function agentKilled(scenario: Scenario): Promise<Verdict> {
    const rounds = scenario.run.long ? 6 : 1;
    // What the agent was asked for when it was killed has its outcome at this deadline
    const { port } = await scenario.server({ hub: { requestTimeout: 2_000 }, store: freshFolder("store-") });
    let agent = await agentAt(scenario, port);
    const consumers = [await scenario.consumer("first", port), await scenario.consumer("second", port)];
    await callingWhile(consumers, async () => {
        for (let round = 0; round < rounds; round++) {
            await inTheMiddle(scenario, agent);
            await agent.kill();
            scenario.tell({ fact: "died", file: agent.factFile });
            agent = await agentAt(scenario, port);
            await scenario.settle(agent);
        }
    });
    await scenario.settle(agent);
    return scenario.verdict({ gaps: 0 });
}
