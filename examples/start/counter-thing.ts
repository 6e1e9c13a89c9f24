/** The counter of the demonstration: an ordinary Thing of the Scripting API, but for the progress of one action. */
import { setTimeout as delay } from "node:timers/promises";
import type { ActionData } from "node-wot-binding-hiveot";

/** Id of the Thing. */
export const COUNTER_ID = "urn:demo:counter";

/** What the environment variable `DEMO_WRONG` may spoil, so that a test sees the demonstration fail at that step. */
const FAULTS = ["count", "increment", "progress", "milestone", "hang"] as const;
export type Fault = (typeof FAULTS)[number];

/** Reads the variable. @throws Error if it names no step */
export function parseFault(text = ""): Fault | undefined {
    const fault = FAULTS.find((name) => name === text);
    if (fault === undefined && text !== "") throw new Error(`DEMO_WRONG is none of ${FAULTS.join(", ")}`);
    return fault;
}

const DESCRIPTION: WoT.ExposedThingInit = {
    id: COUNTER_ID,
    title: "Counter",
    description: "Counts, and says so whenever it gets to a multiple of ten",
    properties: {
        count: { type: "integer", observable: true },
    },
    actions: {
        increment: { description: "Adds the input", input: { type: "integer" }, output: { type: "integer" } },
        countTo: {
            description: "Counts one by one up to the input; each number is reported as progress",
            input: { type: "integer", maximum: 1000 },
            output: { type: "integer" },
        },
    },
    events: {
        milestone: { description: "A multiple of ten is reached", data: { type: "integer" } },
    },
};

/**
 * Exposes the counter, which stands at 42 in the beginning.
 * @param log hears what the Thing is asked to do
 * @param fault the step that goes wrong
 */
export async function exposeCounter(wot: typeof WoT, log: (line: string) => void, fault?: Fault): Promise<void> {
    const thing = await wot.produce(DESCRIPTION);
    const spoil = (step: Fault, value: number): number => (step === fault ? value + 1 : value);
    let count = 42;

    const setCount = (value: number): void => {
        count = value;
        thing.emitPropertyChange("count");
        if (count % 10 === 0) thing.emitEvent("milestone", spoil("milestone", count));
    };

    thing.setPropertyReadHandler("count", async () => spoil("count", count));

    thing.setPropertyWriteHandler("count", async (input) => {
        const value = Number(await input.value());
        log(`count is written: ${value}`);
        setCount(value);
    });

    thing.setActionHandler("increment", async (input) => {
        const step = Number(await input.value());
        log(`increment is invoked with ${step}`);
        if (fault === "hang") await new Promise(() => undefined);
        setCount(count + step);
        return spoil("increment", count);
    });

    thing.setActionHandler("countTo", async (input, options) => {
        // This is what the binding adds for action handlers: a way to report progress, and a signal that says "cancelled"
        const caller = options?.data as ActionData;
        const target = Number(await input.value());
        log(`countTo is invoked with ${target}`);
        while (count < target) {
            await delay(50, undefined, { signal: caller.signal });
            setCount(count + 1);
            caller.progress(spoil("progress", count));
        }
        return count;
    });

    await thing.expose();
}
