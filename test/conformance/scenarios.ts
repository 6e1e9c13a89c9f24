/**
 * What a consumer of Things experiences, told once: `scenarios.test.ts` runs every scenario over every transport with every
 * kind of consumer.
 */
import { expect } from "chai";
import { COUNTER_ID, NOTE, PIXEL, PROGRESS, type TestThing, TWIN_ID } from "../support/things";
import type { Role } from "../support/set-ups";
import type { Consumer, Outcome, Target } from "./consumers";
import { OPERATION_SCENARIOS } from "./operations";
import type { Envelope } from "./raw/raw-client";

/** Where a scenario takes place. */
export interface World {
    readonly counter: TestThing;
    readonly twin: TestThing;
    /** A consumer with a connection of its own, unless the scenario is traceless. */
    consumer(role?: Role): Promise<Consumer>;
}

export interface Scenario {
    readonly requirements: readonly string[];
    readonly name: string;
    /** True if it leaves no trace on its connections: it gets those of the scenarios before it. */
    readonly traceless?: boolean;
    readonly run: (world: World) => Promise<void>;
}

const ON_COUNTER = { thingId: COUNTER_ID } as const;

function on(name: string, rest: Omit<Target, "thingId" | "name"> = {}): Target {
    return { ...ON_COUNTER, name, ...rest };
}

/** The output of an operation that must succeed. */
async function done(outcome: Promise<Outcome>): Promise<unknown> {
    const result = await outcome;
    if (!result.ok) throw new Error(`It failed: ${String(result.status)} ${result.code} ${result.title}`);
    return result.output;
}

const NOTHING = { ok: true, output: undefined } as const;

const BASICS: readonly Scenario[] = [
    {
        requirements: ["OP-ping-success"],
        name: "a ping is answered with pong",
        run: async (world) => {
            const consumer = await world.consumer();
            expect(await done(consumer.perform("ping"))).to.equal("pong");
        },
    },
    {
        requirements: ["TD-colons"],
        name: "a Thing whose id has colons is read and heard",
        run: async (world) => {
            world.twin.count = 7;
            const consumer = await world.consumer();
            const twin = { thingId: TWIN_ID, name: "count" };
            expect(await done(consumer.perform("readproperty", twin))).to.equal(7);
            const listening = await consumer.listen("observeproperty", twin);
            await world.twin.setCount(8);
            expect(await listening.next()).to.deep.equal({ affordance: "property", ...twin, value: 8 });
        },
    },
];

const PROPERTIES: readonly Scenario[] = [
    {
        requirements: ["OP-readproperty-success", "ENV-response"],
        name: "reads a property",
        run: async (world) => {
            world.counter.count = 3;
            const consumer = await world.consumer();
            expect(await done(consumer.perform("readproperty", on("count")))).to.equal(3);
            const settings = await done(consumer.perform("readproperty", on("settings")));
            expect(settings).to.deep.equal({ unit: "pcs", step: 1 });
            expect(await done(consumer.perform("readproperty", on("serial")))).to.equal("SN-1");
        },
    },
    {
        requirements: ["ENV-non-json", "STREAM-one-line"],
        name: "reads and writes a text and a picture",
        run: async (world) => {
            const consumer = await world.consumer();
            expect(await done(consumer.perform("readproperty", on("note")))).to.equal(NOTE);
            expect(await done(consumer.perform("readproperty", on("picture")))).to.equal(PIXEL);
            const note = "two\r\nlines: {}\n\n"; // ASCII: core's codec on the consumer's side cuts others
            const picture = Buffer.from([0, 1, 2, 253, 254, 255]).toString("base64");
            expect(await consumer.perform("writeproperty", on("note", { input: note }))).to.deep.equal(NOTHING);
            expect(await consumer.perform("writeproperty", on("picture", { input: picture }))).to.deep.equal(NOTHING);
            expect(world.counter.note).to.equal(note);
            expect(world.counter.picture).to.equal(picture);
        },
    },
    {
        requirements: ["ENV-uri-variables", "THINGS-uri-variables"],
        name: "uriVariables reach a property and an action as what their schema says",
        run: async (world) => {
            world.counter.count = 4;
            const consumer = await world.consumer();
            const scaled = on("scaled", { uriVariables: { factor: 3 } });
            expect(await done(consumer.perform("readproperty", scaled))).to.equal(12);
            expect(await done(consumer.perform("readproperty", on("scaled")))).to.equal(4);
            const stepUp = on("stepUp", { uriVariables: { step: 5 } });
            expect(await done(consumer.perform("invokeaction", stepUp))).to.equal(9);
        },
    },
    {
        requirements: ["THINGS-uri-variables"],
        name: "uriVariables against their schema are refused",
        run: async (world) => {
            const consumer = await world.consumer();
            for (const factor of ["three", "101"]) {
                const outcome = await consumer.perform("readproperty", on("scaled", { uriVariables: { factor } }));
                expect(outcome).to.include({ ok: false, status: 400, code: "INVALID_INPUT" });
            }
        },
    },
    {
        requirements: ["OP-readallproperties-success"],
        name: "reads all properties that can be read",
        run: async (world) => {
            world.counter.count = 3;
            const consumer = await world.consumer();
            const output = await done(consumer.perform("readallproperties", ON_COUNTER));
            expect(output).to.deep.equal({
                count: 3,
                limit: 20,
                serial: "SN-1",
                settings: { unit: "pcs", step: 1 },
                note: NOTE,
                picture: PIXEL,
                scaled: 3,
            });
        },
    },
    {
        requirements: ["OP-readmultipleproperties-success"],
        name: "reads several properties",
        run: async (world) => {
            const consumer = await world.consumer();
            const input = ["count", "limit"];
            const output = await done(consumer.perform("readmultipleproperties", { ...ON_COUNTER, input }));
            expect(output).to.deep.equal({ count: 0, limit: 20 });
        },
    },
    {
        requirements: ["OP-writeproperty-success"],
        name: "writes a property",
        run: async (world) => {
            const consumer = await world.consumer();
            expect(await consumer.perform("writeproperty", on("count", { input: 3 }))).to.deep.equal(NOTHING);
            expect(world.counter.count).to.equal(3);
            const settings = { unit: "m", step: 2 };
            expect(await consumer.perform("writeproperty", on("settings", { input: settings }))).to.deep.equal(NOTHING);
            expect(world.counter.settings).to.deep.equal(settings);
            expect(await consumer.perform("writeproperty", on("secret", { input: "x" }))).to.deep.equal(NOTHING);
            expect(world.counter.secret).to.equal("x");
        },
    },
    ...["writemultipleproperties", "writeallproperties"].map((operation) => ({
        requirements: [`OP-${operation}-success`],
        name: `${operation} writes what it is given`,
        run: async (world: World) => {
            const consumer = await world.consumer();
            const input = { limit: 50, count: 4 };
            expect(await consumer.perform(operation, { ...ON_COUNTER, input })).to.deep.equal(NOTHING);
            expect(world.counter).to.include(input);
        },
    })),
    {
        requirements: ["BAD-read-only", "BAD-write-only"],
        name: "a read-only property is not written, a write-only one not read",
        run: async (world) => {
            const consumer = await world.consumer("admin");
            const write = await consumer.perform("writeproperty", on("serial", { input: "SN-2" }));
            expect(write).to.include({ ok: false, status: 400, code: "NOT_WRITABLE" });
            const read = await consumer.perform("readproperty", on("secret"));
            expect(read).to.include({ ok: false, status: 400, code: "NOT_READABLE" });
        },
    },
    {
        requirements: ["BAD-schema"],
        name: "input against the schema is refused before the handler sees it",
        run: async (world) => {
            const consumer = await world.consumer("admin");
            const bad: readonly (readonly [string, Target])[] = [
                ["writeproperty", on("count", { input: "abc" })],
                ["writeproperty", on("limit", { input: 0 })],
                ["writeproperty", on("settings", { input: { step: 1 } })],
                ["invokeaction", on("increment", { input: 1.5 })],
                ["writemultipleproperties", { ...ON_COUNTER, input: { count: 1, limit: "x" } }],
            ];
            for (const [operation, target] of bad) {
                const outcome = await consumer.perform(operation, target);
                expect(outcome).to.include({ ok: false, status: 400, code: "INVALID_INPUT" });
            }
            expect(world.counter).to.include({ count: 0, limit: 20 });
            expect(world.counter.invocations).to.deep.equal([]);
        },
    },
];

const OBSERVATION: readonly Scenario[] = [
    {
        requirements: ["OP-observeproperty-success", "ENV-notification", "THINGS-order"],
        name: "hears the changes of a property in their order",
        run: async (world) => {
            const consumer = await world.consumer("viewer");
            const listening = await consumer.listen("observeproperty", on("count"));
            for (const value of [1, 2, 3]) await world.counter.setCount(value);
            for (const value of [1, 2, 3]) {
                expect(await listening.next()).to.deep.equal({ affordance: "property", ...on("count"), value });
            }
        },
    },
    {
        requirements: ["OP-observeallproperties-success"],
        name: "hears the changes of all properties of a Thing, and of no other Thing",
        run: async (world) => {
            const consumer = await world.consumer();
            const listening = await consumer.listen("observeallproperties", ON_COUNTER);
            await world.twin.setCount(99);
            await world.counter.setCount(1);
            await done(consumer.perform("writeproperty", on("settings", { input: { unit: "m" } })));
            expect(await listening.next()).to.deep.equal({ affordance: "property", ...on("count"), value: 1 });
            const second = await listening.next();
            expect(second).to.deep.equal({ affordance: "property", ...on("settings"), value: { unit: "m" } });
        },
    },
    {
        requirements: ["ENV-not-observable"],
        name: "a property that is not observable cannot be observed",
        run: async (world) => {
            const consumer = await world.consumer("viewer");
            const outcome = await consumer.perform("observeproperty", on("limit"));
            expect(outcome).to.include({ ok: false, status: 400, code: "NOT_OBSERVABLE" });
        },
    },
    {
        requirements: ["OP-unobserveproperty-success"],
        name: "hears nothing more of a property that it no longer observes",
        run: (world) => hearsNoMore(world, "observeproperty", on("count"), () => world.counter.setCount(5)),
    },
    {
        requirements: ["OP-unobserveallproperties-success"],
        name: "hears nothing more of any property",
        run: (world) => hearsNoMore(world, "observeallproperties", ON_COUNTER, () => world.counter.setCount(5)),
    },
    {
        requirements: ["OP-subscribeevent-success", "ENV-notification", "THINGS-order"],
        name: "hears an event",
        run: async (world) => {
            const consumer = await world.consumer("viewer");
            const listening = await consumer.listen("subscribeevent", on("tick"));
            for (const value of ["a", NOTE, ""]) world.counter.tick(value);
            for (const value of ["a", NOTE, ""]) {
                expect(await listening.next()).to.deep.equal({ affordance: "event", ...on("tick"), value });
            }
        },
    },
    {
        requirements: ["OP-subscribeallevents-success"],
        name: "hears all events of a Thing, and of no other Thing",
        run: async (world) => {
            const consumer = await world.consumer();
            const listening = await consumer.listen("subscribeallevents", ON_COUNTER);
            world.twin.tick("other");
            world.counter.tick("mine");
            await done(consumer.perform("invokeaction", on("increment", { input: 103 })));
            expect(await listening.next()).to.deep.equal({ affordance: "event", ...on("tick"), value: "mine" });
            expect(await listening.next()).to.deep.equal({ affordance: "event", ...on("overflow"), value: 103 });
        },
    },
    {
        requirements: ["OP-unsubscribeevent-success"],
        name: "hears nothing more of an event that it no longer subscribes to",
        run: (world) =>
            hearsNoMore(world, "subscribeevent", on("tick"), () => {
                world.counter.tick("x");
            }),
    },
    {
        requirements: ["OP-unsubscribeallevents-success"],
        name: "hears nothing more of any event",
        run: (world) =>
            hearsNoMore(world, "subscribeallevents", ON_COUNTER, () => {
                world.counter.tick("x");
            }),
    },
    {
        requirements: ["ENV-wildcard"],
        name: "a subscription without Thing and name covers all Things",
        run: async (world) => {
            const consumer = await world.consumer();
            const events = await consumer.listen("subscribeallevents");
            const properties = await consumer.listen("observeallproperties");
            world.counter.tick("a");
            world.twin.tick("b");
            expect([await events.next(), await events.next()]).to.deep.equal([
                { affordance: "event", thingId: COUNTER_ID, name: "tick", value: "a" },
                { affordance: "event", thingId: TWIN_ID, name: "tick", value: "b" },
            ]);
            await world.twin.setCount(1);
            await world.counter.setCount(2);
            expect([await properties.next(), await properties.next()]).to.deep.equal([
                { affordance: "property", thingId: TWIN_ID, name: "count", value: 1 },
                { affordance: "property", thingId: COUNTER_ID, name: "count", value: 2 },
            ]);
        },
    },
    {
        requirements: ["ENV-two-clients"],
        name: "two clients hear the same in the same order",
        run: async (world) => {
            const both = [await world.consumer("viewer"), await world.consumer("operator")];
            const listening = await Promise.all(both.map((each) => each.listen("observeproperty", on("count"))));
            for (const value of [1, 2, 3, 4]) await world.counter.setCount(value);
            for (const each of listening) {
                const values: unknown[] = [];
                while (values.length < 4) values.push((await each.next()).value);
                expect(values).to.deep.equal([1, 2, 3, 4]);
            }
        },
    },
    {
        requirements: ["OP-readevent-success"],
        name: "reads the latest event",
        run: async (world) => {
            world.counter.tick("first");
            world.counter.tick("latest");
            const consumer = await world.consumer();
            const output = (await done(consumer.perform("readevent", on("tick")))) as Envelope;
            expect(eventOf(output)).to.deep.equal({ affordance: "event", ...on("tick"), value: "latest" });
        },
    },
    {
        requirements: ["OP-readevent-success"],
        name: "reads nothing of an event that never happened",
        run: async (world) => {
            const consumer = await world.consumer();
            expect(await consumer.perform("readevent", on("alarm"))).to.deep.equal(NOTHING);
        },
    },
    {
        requirements: ["OP-readallevents-success"],
        name: "reads the latest of all events",
        run: async (world) => {
            world.counter.tick("now");
            const consumer = await world.consumer();
            await done(consumer.perform("invokeaction", on("increment", { input: 106 })));
            const output = (await done(consumer.perform("readallevents", ON_COUNTER))) as Record<string, Envelope>;
            expect(Object.keys(output).sort()).to.deep.equal(["overflow", "tick"]);
            expect(eventOf(output["overflow"])).to.deep.equal({ affordance: "event", ...on("overflow"), value: 106 });
            expect(eventOf(output["tick"])).to.deep.equal({ affordance: "event", ...on("tick"), value: "now" });
        },
    },
];

/** A notification inside an output, on the wire or in the neutral model. */
function eventOf(envelope: Envelope = {}): unknown {
    const { affordanceType, affordance = affordanceType, thingID, thingId = thingID, name, value } = envelope;
    return { affordance, thingId, name, value };
}

/** A response inside an output, on the wire or in the neutral model. */
function statusOf(envelope: Envelope = {}): unknown {
    const { thingID, thingId = thingID, correlationID, correlationId = correlationID } = envelope;
    const { operation, name, status, output } = envelope;
    return { operation, thingId, name, status, output, correlationId };
}

/** Somebody else hears it, the one who stopped does not. */
async function hearsNoMore(
    world: World,
    operation: string,
    target: Target,
    happen: () => void | Promise<void>
): Promise<void> {
    const consumer = await world.consumer();
    const witness = await (await world.consumer()).listen(operation, target);
    const listening = await consumer.listen(operation, target);
    await happen();
    await witness.next();
    await listening.next();
    await listening.stop();
    await happen();
    await witness.next();
    expect(await done(consumer.perform("ping"))).to.equal("pong");
    expect(listening.heard).to.have.length(1);
}

const ACTIONS: readonly Scenario[] = [
    {
        requirements: ["OP-invokeaction-success"],
        name: "invokes an action",
        run: async (world) => {
            world.counter.count = 4;
            const consumer = await world.consumer("operator");
            expect(await done(consumer.perform("invokeaction", on("increment", { input: 2 })))).to.equal(6);
            expect(world.counter.invocations).to.have.length(1);
        },
    },
    {
        requirements: ["ENV-json-values"],
        name: "JSON of every kind comes back as it went",
        run: async (world) => {
            const consumer = await world.consumer();
            const input = {
                null: null,
                yes: true,
                float: -1.5e-7,
                big: 9007199254740991,
                empty: "",
                text: NOTE,
                emoji: "👩‍👩‍👧",
                list: [[], {}, [null, 0, false]],
                constructor: { toString: 1 },
                "a.b/c d": { "": "empty name" },
            };
            expect(await done(consumer.perform("invokeaction", on("echo", { input })))).to.deep.equal(input);
        },
    },
    {
        requirements: ["ENV-progress", "THINGS-action-data"],
        name: "hears the progress of its own invocation",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const running = consumer.invoke(on("slow", { input: 7 }));
            expect(await done(running.outcome)).to.equal(7);
            expect(running.progress()).to.deep.equal(PROGRESS);
        },
    },
    {
        requirements: ["OP-observeaction-success", "ENV-progress-audience"],
        name: "observers hear the progress of an action, others do not",
        run: async (world) => {
            const caller = await world.consumer("operator");
            const observer = await (await world.consumer("viewer")).listen("observeaction", on("slow"));
            const other = await world.consumer("viewer");
            const elsewhere = await other.listen("observeaction", on("increment"));
            await done(caller.invoke(on("slow", { input: 1 })).outcome);
            for (const value of PROGRESS) {
                expect(await observer.next()).to.deep.equal({ affordance: "action", ...on("slow"), value });
            }
            await done(other.perform("ping"));
            expect(elsewhere.heard).to.deep.equal([]);
        },
    },
    {
        requirements: ["OP-observeallactions-success"],
        name: "hears the progress of all actions",
        run: async (world) => {
            const listening = await (await world.consumer("viewer")).listen("observeallactions", ON_COUNTER);
            const caller = await world.consumer("operator");
            await done(caller.perform("invokeaction", on("slow", { input: 1 })));
            expect(await listening.next()).to.deep.equal({ affordance: "action", ...on("slow"), value: PROGRESS[0] });
        },
    },
    ...(["observeaction", "observeallactions"] as const).map((operation) => ({
        requirements: [`OP-un${operation}-success`],
        name: `un${operation}: hears no more progress`,
        run: async (world: World) => {
            const target = operation === "observeaction" ? on("slow") : ON_COUNTER;
            const caller = await world.consumer("operator");
            const observer = await world.consumer("viewer");
            const witness = await (await world.consumer("viewer")).listen(operation, target);
            const listening = await observer.listen(operation, target);
            await listening.stop();
            await done(caller.perform("invokeaction", on("slow", { input: 1 })));
            for (const value of PROGRESS) expect((await witness.next()).value).to.equal(value);
            await done(observer.perform("ping"));
            expect(listening.heard).to.deep.equal([]);
        },
    })),
    {
        requirements: ["OP-queryaction-success", "ENV-own-latest"],
        name: "queries its own latest invocation, not that of another client",
        run: async (world) => {
            const mine = await world.consumer("operator");
            const other = await world.consumer("manager");
            await done(mine.perform("invokeaction", on("increment", { input: 1 })));
            const invocation = mine.invoke(on("increment", { input: 2 }));
            await done(invocation.outcome);
            await done(other.perform("invokeaction", on("increment", { input: 4 })));
            const output = (await done(mine.perform("queryaction", on("increment")))) as Envelope;
            expect(statusOf(output)).to.deep.equal({
                operation: "invokeaction",
                ...on("increment"),
                status: "completed",
                output: 3,
                correlationId: invocation.id,
            });
        },
    },
    {
        requirements: ["ENV-action-id"],
        name: "queries an invocation by its action id",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const first = consumer.invoke(on("increment", { input: 1 }));
            await done(first.outcome);
            await done(consumer.perform("invokeaction", on("increment", { input: 2 })));
            const target = on("increment", { input: first.id });
            const output = (await done(consumer.perform("queryaction", target))) as Envelope;
            expect(output).to.include({ status: "completed", output: 1 });
            const unknown = await consumer.perform("queryaction", on("increment", { input: "no such id" }));
            expect(unknown).to.include({ ok: false, status: 404, code: "NO_INVOCATION" });
        },
    },
    {
        requirements: ["OP-queryaction-success"],
        name: "queries an invocation that is still running",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const release = world.counter.hold();
            const running = consumer.invoke(on("slow", { input: 1 }));
            await world.counter.invoked("slow");
            const output = (await done(consumer.perform("queryaction", on("slow")))) as Envelope;
            expect(output).to.include({ status: "running", operation: "invokeaction", name: "slow" });
            release();
            expect(await done(running.outcome)).to.equal(1);
        },
    },
    {
        requirements: ["OP-queryallactions-success"],
        name: "queries the latest invocation of all actions",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            await done(consumer.perform("invokeaction", on("increment", { input: 1 })));
            await consumer.perform("invokeaction", on("refuse"));
            const output = (await done(consumer.perform("queryallactions", ON_COUNTER))) as Record<string, Envelope>;
            expect(output["increment"]).to.include({ status: "completed", name: "increment", output: 1 });
            expect(output["refuse"]).to.include({ status: "failed", name: "refuse" });
            expect(output["refuse"]?.["error"]).to.include({ status: 400, title: "this action always fails" });
        },
    },
    ...[
        { which: "by its action id", input: (id: string) => ({ input: id }) },
        { which: "that is its latest", input: () => ({}) },
    ].map(({ which, input }) => ({
        requirements: ["OP-cancelaction-success", "ENV-cancelled-invocation", "ENV-action-id", "ENV-own-latest"],
        name: `cancels an invocation ${which}`,
        run: async (world: World) => {
            const consumer = await world.consumer("operator");
            const release = world.counter.hold();
            const running = consumer.invoke(on("slow", { input: 1 }));
            const { data } = await world.counter.invoked("slow");
            const cancelled = await consumer.perform("cancelaction", on("slow", input(running.id)));
            expect(cancelled).to.deep.equal(NOTHING);
            expect(await running.outcome).to.include({ ok: false, status: 409, code: "CANCELLED" });
            expect(data?.signal.aborted).to.equal(true);
            release();
        },
    })),
    {
        requirements: ["OP-cancelaction-success", "SURVIVE-silent-handler"],
        name: "cancels an invocation that never answers, and is served meanwhile",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const running = consumer.invoke(on("never"));
            await world.counter.invoked("never");
            expect(await done(consumer.perform("ping"))).to.equal("pong");
            expect(await consumer.perform("cancelaction", on("never"))).to.deep.equal(NOTHING);
            expect(await running.outcome).to.include({ ok: false, code: "CANCELLED" });
        },
    },
    {
        requirements: ["SURVIVE-throwing-handler", "HTTP-nothing-echoed"],
        name: "a handler that throws gives an error that tells nothing",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const outcome = await consumer.perform("invokeaction", on("fail"));
            expect(outcome).to.deep.equal({
                ok: false,
                status: 500,
                code: "HANDLER_FAILED",
                title: "The Thing failed to handle the request",
            });
            expect(await done(consumer.perform("ping"))).to.equal("pong");
        },
    },
    {
        requirements: ["SURVIVE-refusing-handler"],
        name: "a handler that refuses says why",
        run: async (world) => {
            const consumer = await world.consumer("operator");
            const outcome = await consumer.perform("invokeaction", on("refuse"));
            expect(outcome).to.deep.equal({
                ok: false,
                status: 400,
                code: "HANDLER_FAILED",
                title: "this action always fails",
            });
        },
    },
];

const ERRORS: readonly Scenario[] = [
    {
        requirements: ["BAD-unknown-operation"],
        name: "an unknown operation fails",
        run: async (world) => {
            const consumer = await world.consumer("admin");
            for (const operation of ["nosuchoperation", "toString", "__proto__"]) {
                const outcome = await consumer.perform(operation, on("count"));
                expect(outcome).to.include({ ok: false, status: 400, code: "UNKNOWN_OPERATION" });
            }
        },
    },
    {
        requirements: ["BAD-unknown-affordance"],
        name: "a name that every object has is no affordance",
        run: async (world) => {
            const consumer = await world.consumer("admin");
            for (const name of ["toString", "__proto__", "constructor"]) {
                const outcome = await consumer.perform("readproperty", on(name));
                expect(outcome).to.include({ ok: false, status: 404, code: "UNKNOWN_AFFORDANCE" });
            }
        },
    },
    {
        requirements: ["SURVIVE-own-answers"],
        name: "two connections of one client get only their own answers",
        run: async (world) => {
            const pair = [await world.consumer("operator"), await world.consumer("operator")];
            const sums = await Promise.all(
                pair.flatMap((consumer, which) =>
                    [1, 2, 3].map(async (n) => {
                        const input = { which, n };
                        expect(await done(consumer.perform("invokeaction", on("echo", { input })))).to.deep.equal(
                            input
                        );
                        return n;
                    })
                )
            );
            expect(sums).to.deep.equal([1, 2, 3, 1, 2, 3]);
        },
    },
];

/** Every scenario. */
export const SCENARIOS: readonly Scenario[] = [
    ...BASICS,
    ...PROPERTIES,
    ...OBSERVATION,
    ...ACTIONS,
    ...ERRORS,
    ...OPERATION_SCENARIOS,
];
