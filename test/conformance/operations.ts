/**
 * The operations as a table, and the scenarios that follow from it: each one × {unknown target, refused role}, and who may do
 * what. How each one succeeds is told in `scenarios.ts`.
 */
import { expect } from "chai";
import { COUNTER_ID } from "../support/things";
import type { Role } from "../support/set-ups";
import type { Target } from "./consumers";
import type { Scenario } from "./scenarios";

/** Least role that may do it (protocol.md, "Roles and what they may do"; "ours"). */
type Needs = "viewer" | "operator" | "manager";

interface Row {
    readonly operation: string;
    readonly needs: Needs;
    /** A target that it can be done to, on the counter. */
    readonly target?: Omit<Target, "thingId">;
    /** A target on the counter that does not exist. */
    readonly unknown?: Omit<Target, "thingId">;
    /** False where it is not about a Thing. */
    readonly ofThing?: false;
}

/** One row for each operation of protocol.md. */
export const OPERATION_ROWS: readonly Row[] = [
    { operation: "ping", needs: "viewer", ofThing: false },
    { operation: "readproperty", needs: "viewer", target: { name: "count" }, unknown: { name: "nothing" } },
    { operation: "readallproperties", needs: "viewer" },
    {
        operation: "readmultipleproperties",
        needs: "viewer",
        target: { input: ["count", "limit"] },
        unknown: { input: ["count", "nothing"] },
    },
    {
        operation: "writeproperty",
        needs: "manager",
        target: { name: "limit", input: 20 },
        unknown: { name: "nothing", input: 20 },
    },
    {
        operation: "writemultipleproperties",
        needs: "manager",
        target: { input: { limit: 20 } },
        unknown: { input: { nothing: 20 } },
    },
    {
        operation: "writeallproperties",
        needs: "manager",
        target: { input: { limit: 20 } },
        unknown: { input: { nothing: 20 } },
    },
    { operation: "observeproperty", needs: "viewer", target: { name: "count" }, unknown: { name: "nothing" } },
    { operation: "unobserveproperty", needs: "viewer", target: { name: "count" }, unknown: { name: "nothing" } },
    { operation: "observeallproperties", needs: "viewer" },
    { operation: "unobserveallproperties", needs: "viewer" },
    {
        operation: "invokeaction",
        needs: "operator",
        target: { name: "increment", input: 1 },
        unknown: { name: "nothing", input: 1 },
    },
    { operation: "queryaction", needs: "viewer", target: { name: "increment" }, unknown: { name: "nothing" } },
    { operation: "cancelaction", needs: "operator", target: { name: "never" }, unknown: { name: "nothing" } },
    { operation: "queryallactions", needs: "viewer" },
    { operation: "observeaction", needs: "viewer", target: { name: "slow" }, unknown: { name: "nothing" } },
    { operation: "unobserveaction", needs: "viewer", target: { name: "slow" }, unknown: { name: "nothing" } },
    { operation: "observeallactions", needs: "viewer" },
    { operation: "unobserveallactions", needs: "viewer" },
    { operation: "subscribeevent", needs: "viewer", target: { name: "tick" }, unknown: { name: "nothing" } },
    { operation: "unsubscribeevent", needs: "viewer", target: { name: "tick" }, unknown: { name: "nothing" } },
    { operation: "subscribeallevents", needs: "viewer" },
    { operation: "unsubscribeallevents", needs: "viewer" },
    { operation: "readevent", needs: "viewer", target: { name: "tick" }, unknown: { name: "nothing" } },
    { operation: "readallevents", needs: "viewer" },
];

/** The highest role that may not. */
const REFUSED: Readonly<Record<Needs, Role>> = { viewer: "none", operator: "viewer", manager: "operator" };

const MAY: Readonly<Record<Role, readonly Needs[]>> = {
    none: [],
    viewer: ["viewer"],
    operator: ["viewer", "operator"],
    manager: ["viewer", "operator", "manager"],
    device: ["viewer"],
    service: ["viewer", "operator", "manager"],
    admin: ["viewer", "operator", "manager"],
};

/** Whether the table of roles lets `role` do it. */
export function mayPerform(role: Role, { needs }: Row): boolean {
    return MAY[role].includes(needs);
}

/** Where to aim the operation so that it is about the counter; a ping is about nothing. */
export function targetOf(row: Row): Target {
    return row.ofThing === false ? {} : { thingId: COUNTER_ID, ...row.target };
}

function unknownTarget(row: Row): Scenario {
    const { operation, target, unknown } = row;
    return {
        requirements: [`OP-${operation}-unknown`, "BAD-unknown-thing", "BAD-unknown-affordance", "ENV-failed"],
        name: `${operation}: unknown target`,
        traceless: true,
        run: async (world) => {
            const consumer = await world.consumer("admin");
            const noThing = await consumer.perform(operation, { thingId: "urn:nothing", ...target });
            if (row.ofThing === false) {
                expect(noThing).to.deep.equal({ ok: true, output: "pong" });
                return;
            }
            expect(noThing).to.include({ ok: false, status: 404, code: "UNKNOWN_THING" });
            if (unknown === undefined) return;
            const noAffordance = await consumer.perform(operation, { thingId: COUNTER_ID, ...unknown });
            expect(noAffordance).to.include({ ok: false, status: 404, code: "UNKNOWN_AFFORDANCE" });
        },
    };
}

function refusedRole(row: Row): Scenario {
    const role = REFUSED[row.needs];
    return {
        requirements: [`OP-${row.operation}-refused`, "BAD-role"],
        name: `${row.operation}: refused to the role ${role}`,
        traceless: true,
        run: async (world) => {
            const consumer = await world.consumer(role);
            const outcome = await consumer.perform(row.operation, targetOf(row));
            expect(outcome).to.include({ ok: false, status: 403, code: "FORBIDDEN" });
            expect(world.counter.invocations).to.deep.equal([]);
        },
    };
}

/** Each operation × {unknown target, refused role}. */
export const OPERATION_SCENARIOS: readonly Scenario[] = OPERATION_ROWS.flatMap((row) => [
    unknownTarget(row),
    refusedRole(row),
]);
