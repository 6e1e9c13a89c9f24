/** The Things of the recordings, as the reference's test programs had them, made with the plain Scripting API. */
import type { ExposedThing, Servient } from "@node-wot/core";
import { setImmediate as turn } from "node:timers/promises";
import { TestThing } from "../../support/things";

/** Id of the Thing in the recordings of January. */
const JANUARY_ID = "urn:hk25:thing1";

const INTEGER = { type: "integer" } as const;

function refusal(message: string): Error {
    return Object.assign(new Error(message), { status: 400 });
}

/** The Thing that the recordings of January 2026 were made with. */
export class JanuaryThing {
    count = 0;
    level = 0;
    label = "hello";
    /** The progress that the action `slow` reports. */
    progress: readonly number[] = [25, 50, 75];
    /** The action `slow` ends only when it is cancelled. */
    held = false;

    private constructor(readonly thing: ExposedThing) {}

    /** Produces the Thing and sets its handlers; `expose()` is up to the caller. */
    static async produce(wot: typeof WoT): Promise<JanuaryThing> {
        const thing = (await wot.produce({
            id: JANUARY_ID,
            title: "Thing 1",
            properties: {
                level: { ...INTEGER, observable: true },
                count: { ...INTEGER, observable: true, readOnly: true },
                label: { type: "string" },
            },
            actions: {
                increment: { input: INTEGER, output: INTEGER },
                slow: { output: { type: "string" } },
                fail: {},
                failerror: {},
                emit: { input: INTEGER },
            },
            events: { overheated: { data: INTEGER } },
        })) as ExposedThing;
        const january = new JanuaryThing(thing);
        january.#setHandlers();
        return january;
    }

    /** The event `overheated`. */
    emit(value: number): void {
        this.thing.emitEvent("overheated", value);
    }

    #setHandlers(): void {
        const { thing } = this;
        thing.setPropertyReadHandler("level", async () => this.level);
        thing.setPropertyReadHandler("count", async () => this.count);
        thing.setPropertyReadHandler("label", async () => this.label);
        thing.setPropertyWriteHandler("level", async (value) => {
            this.level = Number(await value.value());
            await thing.emitPropertyChange("level");
        });
        thing.setActionHandler("increment", async (input) => {
            this.count += Number(await input.value());
            await thing.emitPropertyChange("count");
            return this.count;
        });
        thing.setActionHandler("emit", async (input) => {
            this.emit(Number(await input.value()));
            return undefined;
        });
        thing.setActionHandler("fail", async () => {
            throw refusal("this action always fails");
        });
        thing.setActionHandler("failerror", async () => {
            throw new Error("this handler returns an error");
        });
        thing.setActionHandler("slow", async (_input, options) => {
            const data = options?.data as { progress: (value: number) => void } | undefined;
            for (const value of this.progress) {
                data?.progress(value);
                await turn();
            }
            if (this.held) await new Promise<never>(() => undefined);
            return "done";
        });
    }
}

/** The states of HiveOT that there are recordings of. */
export type State = "august" | "january";

/** The Things of the recordings; exposed is that of one state. */
export class RecordedThings {
    private constructor(
        readonly august: TestThing,
        readonly january: JanuaryThing
    ) {}

    /** Produces both; `isExposed` tells whether that of the state is exposed. */
    static async expose(servient: Servient, state: State, isExposed = true): Promise<RecordedThings> {
        const wot = await servient.start();
        const things = new RecordedThings(await TestThing.produceRecorded(wot), await JanuaryThing.produce(wot));
        if (isExposed) await things[state].thing.expose();
        return things;
    }
}
