/** Scenarios of servers that stand still and of readers that do not read. */
import { expect } from "chai";
import { freshId, RawClient } from "../conformance/raw/raw-client";
import { certificate } from "../support/certificates";
import { wireTo } from "../support/set-ups";
import type { Verdict } from "./ledger";
import { CREDENTIALS, THING, type Member } from "./members";
import { callingWhile, tokenOf, type Served } from "./network";
import type { Scenario } from "./scenario";

const MIB = 1024 * 1024;
/** What is emitted before the healthy reader must have heard it. */
const WAVE = MIB / 2;

/** The event loop of the server stands still again and again; in the long form beyond its clients' patience, and its process too. */
export async function stalls(scenario: Scenario, { member, port }: Served): Promise<Verdict> {
    const { run } = scenario;
    const consumers = [await scenario.consumer("first", port), await scenario.consumer("second", port)];
    await callingWhile(consumers, async () => {
        for (let round = 0; round < (run.long ? 4 : 3); round++) {
            const emitting = scenario.emit(member, 30, { every: 1 });
            const stalled = member.next("stalled");
            member.order({ order: "stall", time: run.long ? 3_500 : 300 });
            await stalled;
            await emitting;
        }
        if (run.long) {
            void scenario.emit(member, 30, { every: 1 });
            member.freeze();
            const thaw = setTimeout(() => {
                member.thaw();
            }, 4_000);
            scenario.onEnd(async () => {
                clearTimeout(thaw);
                member.thaw();
            });
            await Promise.all(consumers.map((consumer) => consumer.breaksAgain(consumer.drops)));
        }
    });
    await scenario.settle(member);
    return scenario.verdict({ gaps: 0 });
}

/**
 * Readers that read nothing, while events go to a healthy one besides: it gets all of them, what the stalled ones POST is served, and
 * the memory of the server stays within its bounds.
 */
export async function stalledReaders(scenario: Scenario): Promise<Verdict> {
    const { run, random } = scenario;
    const [readers, bytes] = run.long ? [200, 100 * MIB] : [20, 12 * MIB];
    const { member, port } = await scenario.server();
    const healthy = await scenario.consumer("healthy", port);
    const token = await tokenOf(scenario, port);
    const stalled: RawClient[] = [];
    scenario.onEnd(() => Promise.all(stalled.map((client) => client.close())));
    for (let n = 0; n < readers; n++) stalled.push(await stalledReader(scenario, port, token));

    const before = await memoryOf(member);
    let worst = 0;
    for (let sent = 0; sent < bytes; sent += WAVE) {
        const size = random.pick([2_048, 16_384, 65_536]);
        await scenario.emit(member, WAVE / size, { size, levels: false });
        await healthy.hears(scenario.emitted, AbortSignal.timeout(30_000));
        if (run.long && sent % (4 * WAVE) === 0) worst = Math.max(worst, await memoryOf(member));
        // A session that was stalled too long is closed; until then it serves its POSTs
        if (sent === 2 * WAVE || sent === 8 * WAVE) await postFrom(stalled);
    }
    worst = Math.max(worst, await memoryOf(member));
    const growth = (worst - before) / readers / MIB;
    console.log(
        `    ${scenario.name}: the server grew by ${growth.toFixed(2)} MiB for each of ${readers} stalled readers`
    );
    if (run.long) expect(growth).to.be.at.most(2);
    for (const { stream } of stalled) expect(stream?.blocks.length, "what a stalled reader has read").to.be.below(100);
    await scenario.settle(member);
    return scenario.verdict({ gaps: 0 });
}

/** A raw client that is subscribed and does not read its stream any more. */
async function stalledReader(scenario: Scenario, port: number, token: string): Promise<RawClient> {
    const client = new RawClient(wireTo(scenario.transport, scenario.origin(port), await certificate()));
    client.token = token;
    client.clientId = CREDENTIALS.consumer.username;
    const stream = await client.openStream({ headers: { "hiveot-features": "resume" } });
    await client.call({ operation: "subscribeevent", thingID: THING, name: "tick" });
    stream.pause();
    return client;
}

async function postFrom(clients: readonly RawClient[]): Promise<void> {
    const replies = await Promise.all(
        clients.map((client) =>
            client.post("/hiveot/request", {
                ...{ messageType: "request", operation: "readproperty", thingID: THING, name: "level" },
                correlationID: freshId("stalled"),
            })
        )
    );
    for (const { status, body } of replies) expect(status, body).to.equal(201);
}

async function memoryOf(member: Member): Promise<number> {
    const report = member.next("memory");
    member.order({ order: "memory" });
    return (await report).rss;
}
