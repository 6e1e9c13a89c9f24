/** Scenarios of the network between a consumer and its server. */
import { expect } from "chai";
import { RawClient, type Wire } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { eventually } from "../support/eventually";
import { wireTo } from "../support/set-ups";
import type { FaultConsumer } from "./consumer";
import type { Verdict } from "./ledger";
import { CREDENTIALS, type Member } from "./members";
import { CALM, type Course, type End, type FaultProxy } from "./proxy";
import { RawConsumer } from "./raw-consumer";
import type { Scenario } from "./scenario";

/** The server of a scenario; what it serves on this port. */
export interface Served {
    readonly member: Member;
    readonly port: number;
}

/** Enough for a TLS handshake and some events: no connection ends before it was of use. */
const AT_LEAST = 6_000;

/** Frames that a server keeps for a client that is away. */
const KEPT = 1_000;

/** Puts every connection on a course, those that come and those that are there. */
function all(proxy: FaultProxy, course: () => Course): void {
    proxy.course = course;
    proxy.change(course);
}

/** Lets `during` go on while all consumers call actions without a pause, and waits for all of their outcomes when it is calm again. */
export async function callingWhile(
    consumers: readonly FaultConsumer[],
    during: () => Promise<unknown>,
    calm: () => unknown = () => undefined
): Promise<void> {
    const stop = new AbortController();
    const calls = consumers.map((consumer) => consumer.invokeUntil(stop.signal));
    try {
        await during();
    } finally {
        stop.abort();
        await calm();
    }
    await Promise.all(calls);
}

/** A consumer beside the proxy, and some behind it. */
async function consumersOf(scenario: Scenario, port: number, proxy: FaultProxy, count = 2): Promise<FaultConsumer[]> {
    const consumers = [await scenario.consumer("beside", port)];
    for (let n = 1; n <= count; n++) consumers.push(await scenario.consumer(`behind-${n}`, proxy.port));
    return consumers;
}

/**
 * Puts all connections behind a proxy on a course while a member emits and consumers call actions, waits until all is calm, and closes
 * the books.
 * @param begin called when the course is set
 */
async function onCourse(
    scenario: Scenario,
    { member, port }: Served,
    course: () => Course,
    count: number,
    begin: (proxy: FaultProxy) => void = () => undefined
): Promise<{ readonly verdict: Verdict; readonly happened: FaultProxy["happened"] }> {
    const proxy = await scenario.proxy(port);
    const consumers = await consumersOf(scenario, port, proxy);
    await callingWhile(
        consumers,
        async () => {
            all(proxy, course);
            begin(proxy);
            await scenario.emitPaced(member, count);
        },
        () => {
            all(proxy, () => CALM);
        }
    );
    await scenario.settle(member);
    return { verdict: await scenario.verdict({ gaps: 0 }), happened: proxy.happened };
}

/** Connections are cut all the time, by RST and FIN. */
export async function cuts(scenario: Scenario, served: Served): Promise<Verdict> {
    const { random, run } = scenario;
    const course = (): Course => ({
        up: random.between(AT_LEAST, 40_000),
        down: random.between(AT_LEAST, 40_000),
        end: random.pick(["reset", "finish"]),
    });
    const { verdict, happened } = await onCourse(scenario, served, course, run.long ? 6_000 : 400);
    expect(happened.cuts).to.be.at.least(run.long ? 100 : 4);
    return verdict;
}

/** Connections of clients are cut that know nothing but `Last-Event-ID`: one of each dialect. */
export async function rawCuts(scenario: Scenario, { member, port }: Served): Promise<Verdict> {
    const { random, run, name, tell } = scenario;
    const proxy = await scenario.proxy(port);
    const token = await tokenOf(scenario, port);
    const made = await certificate();
    await scenario.consumer("beside", port);
    const raw: RawConsumer[] = [];
    for (const dialect of ["rrn", "rrn-2025"] as const) {
        const wire = (): Wire => wireTo(scenario.transport, scenario.origin(proxy.port), made);
        const consumer = await RawConsumer.connect({ name: dialect, wire, dialect, token, scenario: name, tell });
        scenario.onEnd(() => consumer.close());
        raw.push(consumer);
    }
    all(proxy, () => ({
        ...{ up: random.between(AT_LEAST, 20_000), down: random.between(AT_LEAST, 40_000) },
        ...{ end: random.pick(["reset", "finish"]) },
    }));
    await scenario.emitPaced(member, run.long ? 6_000 : 400);
    all(proxy, () => CALM);
    await scenario.settle(member);
    await eventually("all has come", () => raw.every(({ last }) => last >= scenario.emitted)).catch(() => undefined);
    const verdict = await scenario.verdict({ gaps: 0 });
    for (const { drops } of raw) expect(drops).to.be.at.least(run.long ? 20 : 1);
    return verdict;
}

/** Writes come in halves and late; connections end after half a write. */
export async function halves(scenario: Scenario, served: Served): Promise<Verdict> {
    const { random, run } = scenario;
    const course = (): Course => ({
        up: random.between(AT_LEAST, 40_000),
        down: random.between(AT_LEAST, 40_000),
        end: random.pick(["reset", "finish"]),
        ...(random.chance(0.7) && { pause: random.between(0, 10) }),
    });
    const { verdict, happened } = await onCourse(scenario, served, course, run.long ? 4_000 : 300);
    expect(happened.cuts).to.be.at.least(run.long ? 50 : 2);
    return verdict;
}

/** Connections fall silent and stay: nobody is told that they are of no use any more. */
export async function silence(scenario: Scenario, { member, port }: Served): Promise<Verdict> {
    const { random, run } = scenario;
    const proxy = await scenario.proxy(port);
    const consumers = await consumersOf(scenario, port, proxy);
    const behind = consumers.slice(1);
    await callingWhile(consumers, async () => {
        for (let round = 0; round < (run.long ? 6 : 1); round++) {
            const mute = round === 0 ? {} : random.pick([{}, { mute: "server" } as const]);
            await scenario.emit(member, 50, { every: 1 });
            proxy.change(() => mute);
            proxy.endAll("silence");
            const drops = behind.map((consumer) => consumer.drops);
            await scenario.emit(member, 50, { every: 1 });
            // What shows that the watchdog has struck
            await Promise.all(behind.map((consumer, n) => consumer.breaksAgain(drops[n]!)));
            await Promise.all(behind.map((consumer) => consumer.isConnected(AbortSignal.timeout(15_000))));
        }
    });
    await scenario.settle(member);
    const verdict = await scenario.verdict({ gaps: 0 });
    expect(proxy.happened.silenced).to.be.at.least(2);
    return verdict;
}

/** A consumer is away while more is emitted than the server keeps for it: it is told, and knows the newest value of the property. */
export async function away(scenario: Scenario, { member, port }: Served): Promise<Verdict> {
    const { run } = scenario;
    const proxy = await scenario.proxy(port);
    const [, ...behind] = await consumersOf(scenario, port, proxy);
    const rounds = run.long ? 5 : 1;
    for (let round = 0; round < rounds; round++) {
        await scenario.emit(member, 20);
        const drops = behind.map((consumer) => consumer.drops);
        proxy.course = () => ({ up: 0, end: "reset" });
        proxy.endAll("reset");
        await Promise.all(behind.map((consumer, n) => consumer.breaksAgain(drops[n]!)));
        await scenario.emit(member, KEPT + 500);
        proxy.course = () => CALM;
        const newest = scenario.emitted;
        await Promise.all(behind.map((consumer) => consumer.isConnected(AbortSignal.timeout(15_000))));
        await eventually("the newest value is known", () => behind.every(({ level }) => level === newest));
        await scenario.settle(member);
    }
    const verdict = await scenario.verdict({ gaps: rounds * behind.length });
    expect(verdict.missing).to.be.at.least(rounds * behind.length * 500);
    return verdict;
}

/** What a client sends comes twice, on two connections. */
export async function repeats(scenario: Scenario, served: Served): Promise<Verdict> {
    const { random, run } = scenario;
    // The next POST needs a new connection, and some are cut besides
    const course = (): Course => ({
        repeat: random.pick(["at once", "behind"]),
        up: random.between(2_000, 10_000),
        end: random.pick<End>(["reset", "finish"]),
    });
    const { verdict, happened } = await onCourse(scenario, served, course, run.long ? 5_000 : 300, (proxy) => {
        proxy.endAll("finish");
    });
    expect(happened.repeated).to.be.at.least(run.long ? 100 : 5);
    return verdict;
}

/** All connections of many consumers break in one moment. */
export async function reconnects(scenario: Scenario, { member, port }: Served): Promise<Verdict> {
    const { run } = scenario;
    const count = run.long ? 1_000 : 200;
    const proxy = await scenario.proxy(port);
    const token = await tokenOf(scenario, port);
    for (let made = 0; made < count;) {
        const next = Math.min(count, made + 50);
        const opening = [];
        for (; made < next; made++) opening.push(scenario.consumer(`consumer-${made}`, proxy.port, { token }));
        await Promise.all(opening);
    }
    const { consumers } = scenario;
    await callingWhile(consumers.slice(0, 20), async () => {
        for (let round = 0; round < (run.long ? 3 : 1); round++) {
            await scenario.emit(member, 5, { every: 1 });
            proxy.endAll("reset");
            await scenario.emit(member, 5, { every: 1 });
            await scenario.settle(member);
        }
    });
    const verdict = await scenario.verdict({ gaps: 0 });
    expect(consumers.reduce((drops, consumer) => drops + consumer.drops, 0)).to.be.at.least(count);
    return verdict;
}

/** A token of the consumers' account: so many log-ins would take their time. */
export async function tokenOf(scenario: Scenario, port: number): Promise<string> {
    const client = new RawClient(wireTo(scenario.transport, scenario.origin(port), await certificate()));
    const { username, password } = CREDENTIALS.consumer;
    await client.login(username, password);
    await client.close();
    return client.token ?? "";
}
