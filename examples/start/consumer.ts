/**
 * The second process of the demonstration: logs in, consumes the counter through the binding, uses all that it offers, and checks
 * each value. main.ts starts it.
 */
import { Servient } from "@node-wot/core";
import { SseScClientFactory } from "node-wot-binding-hiveot";
import { isDeepStrictEqual } from "node:util";
import { COUNTER_ID } from "./counter-thing";
import type { Assignment, Success } from "./messages";

/** Milliseconds until an answer or a notification must have come. */
const PATIENCE = 10_000;

let checked = 0;

function say(line: string): void {
    console.log(`consumer  ${line}`);
}

/** Says what came; fails unless it is what was expected. */
function check(what: string, actual: unknown, expected: unknown): void {
    const found = `${what} = ${JSON.stringify(actual)}`;
    if (!isDeepStrictEqual(actual, expected)) throw new Error(`${found}, but expected ${JSON.stringify(expected)}`);
    say(found);
    checked++;
}

/** What was heard of one affordance. */
class Heard {
    readonly #values: unknown[] = [];
    #wake: () => void = () => undefined;

    constructor(private readonly what: string) {}

    readonly listener = (output: WoT.InteractionOutput): void => {
        void output.value().then((value) => {
            this.add(value);
        });
    };

    add(value: unknown): void {
        say(`heard ${this.what} ${JSON.stringify(value)}`);
        this.#values.push(value);
        this.#wake();
    }

    /** All that was heard, once there are so many; fewer when it took too long: the check that follows tells. */
    async first(count: number): Promise<unknown[]> {
        const deadline = AbortSignal.timeout(PATIENCE);
        deadline.onabort = () => {
            this.#wake();
        };
        while (this.#values.length < count && !deadline.aborted) {
            await new Promise<void>((resolve) => (this.#wake = resolve));
        }
        return this.#values;
    }
}

async function demonstrate({ tdUrl, caCert, username, password }: Assignment): Promise<void> {
    // What a node-wot script does to use the binding: a factory, credentials, and then the Scripting API as ever
    const factory = new SseScClientFactory({ caCert, requestTimeout: PATIENCE });
    const servient = new Servient();
    servient.addClientFactory(factory);
    try {
        const wot = await servient.start();
        const td = await wot.requestThingDescription(tdUrl);
        say(`got the TD of "${td.title}" from ${tdUrl}`);
        say(`logs in as ${username}`);
        servient.addCredentials({ [COUNTER_ID]: { username, password } });
        await use(await wot.consume(td), factory);
    } finally {
        await servient.shutdown();
    }
}

async function use(thing: WoT.ConsumedThing, factory: SseScClientFactory): Promise<void> {
    check("read count", await (await thing.readProperty("count")).value(), 42);

    const counts = new Heard("count is now");
    await thing.observeProperty("count", counts.listener);
    say("observes count");
    const milestones = new Heard("event milestone");
    await thing.subscribeEvent("milestone", milestones.listener);
    say("is subscribed to milestone");

    await thing.writeProperty("count", 48);
    say("wrote count = 48");
    check("read count", await (await thing.readProperty("count")).value(), 48);

    say("invokes increment(1)");
    check("increment(1)", await (await thing.invokeAction("increment", 1))?.value(), 49);

    // node-wot's ConsumedThing knows no progress; the peer behind it does
    say("invokes countTo(52)");
    const progress = new Heard("progress of countTo:");
    const onProgress = (value: unknown): void => {
        progress.add(value);
    };
    check("countTo(52)", await factory.peerFor(thing).invokeAction(COUNTER_ID, "countTo", 52, { onProgress }), 52);

    check("progress heard", await progress.first(3), [50, 51, 52]);
    check("counts heard", await counts.first(5), [48, 49, 50, 51, 52]);
    check("milestones heard", await milestones.first(1), [50]);
}

process.once("message", (assignment: Assignment) => {
    // If the server's process goes, nobody needs this one any more
    const orphaned = (): void => process.exit(1);
    process.once("disconnect", orphaned);
    demonstrate(assignment)
        .then(() => {
            const success: Success = { checked };
            process.send?.(success);
        })
        .catch((error: unknown) => {
            console.error(`consumer  failed: ${error instanceof Error ? error.message : String(error)}`);
            process.exitCode = 1;
        })
        .finally(() => {
            process.off("disconnect", orphaned);
            process.disconnect();
        });
});
