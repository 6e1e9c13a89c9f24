/**
 * The closed table of operations: those of WoT TD 1.1 and the ones that HiveOT adds (protocol.md, "Envelopes").
 */

/** What kind of affordance a message is about (`affordanceType` on the wire). */
export type AffordanceType = "property" | "action" | "event";

/** How an operation selects affordances: one by name, all of a Thing, several by its input, or none (`ping`). */
export type OperationScope = "one" | "all" | "multiple" | "none";

/** What the operations table says of one operation. */
export interface OperationInfo {
    /** Kind of affordance; `undefined` for `ping`. */
    readonly affordance: AffordanceType | undefined;
    readonly scope: OperationScope;
    /** True if doing it twice is the same as doing it once for everybody: safe to repeat after an unknown outcome. */
    readonly safe: boolean;
    /** `start` and `stop` of a subscription; `undefined` for other operations. */
    readonly subscription: "start" | "stop" | undefined;
    /** True if TD 1.1 names it as an `op` value; the others must not appear in a TD. */
    readonly standard: boolean;
}

function info(
    affordance: AffordanceType | undefined,
    scope: OperationScope,
    rest: Partial<Omit<OperationInfo, "affordance" | "scope">> = {}
): OperationInfo {
    return { affordance, scope, safe: true, subscription: undefined, standard: true, ...rest };
}

const UNSAFE = { safe: false } as const;
const START = { subscription: "start" } as const;
const STOP = { subscription: "stop" } as const;
const HIVEOT = { standard: false } as const;

const TABLE = {
    readproperty: info("property", "one"),
    writeproperty: info("property", "one", UNSAFE),
    observeproperty: info("property", "one", START),
    unobserveproperty: info("property", "one", STOP),
    readallproperties: info("property", "all"),
    writeallproperties: info("property", "multiple", UNSAFE),
    readmultipleproperties: info("property", "multiple"),
    writemultipleproperties: info("property", "multiple", UNSAFE),
    observeallproperties: info("property", "all", START),
    unobserveallproperties: info("property", "all", STOP),
    invokeaction: info("action", "one", UNSAFE),
    queryaction: info("action", "one"),
    cancelaction: info("action", "one", UNSAFE),
    queryallactions: info("action", "all"),
    observeaction: info("action", "one", { ...START, ...HIVEOT }),
    unobserveaction: info("action", "one", { ...STOP, ...HIVEOT }),
    observeallactions: info("action", "all", { ...START, ...HIVEOT }),
    unobserveallactions: info("action", "all", { ...STOP, ...HIVEOT }),
    subscribeevent: info("event", "one", START),
    unsubscribeevent: info("event", "one", STOP),
    subscribeallevents: info("event", "all", START),
    unsubscribeallevents: info("event", "all", STOP),
    readevent: info("event", "one", HIVEOT),
    readallevents: info("event", "all", HIVEOT),
    ping: info(undefined, "none", HIVEOT),
} as const satisfies Record<string, OperationInfo>;

/** The name of an operation. */
export type Operation = keyof typeof TABLE;

/** All operations, in the order of the table. */
export const OPERATIONS: readonly Operation[] = Object.keys(TABLE) as Operation[];

/** True if the table has an operation of that name. */
export function isOperation(name: string): name is Operation {
    return Object.hasOwn(TABLE, name);
}

/** The operations that TD 1.1 knows in the forms of one kind of affordance, or in those of the Thing as a whole. */
export function tdOperations(target: AffordanceType | "thing"): readonly Operation[] {
    return TD_OPERATIONS[target];
}

const STANDARD = OPERATIONS.filter((operation) => TABLE[operation].standard);
const ofOne = (kind: AffordanceType): readonly Operation[] =>
    STANDARD.filter((operation) => TABLE[operation].affordance === kind && TABLE[operation].scope === "one");

const TD_OPERATIONS: Readonly<Record<AffordanceType | "thing", readonly Operation[]>> = {
    property: ofOne("property"),
    action: ofOne("action"),
    event: ofOne("event"),
    thing: STANDARD.filter((operation) => TABLE[operation].scope !== "one"),
};

/** What the table says of an operation. */
export function operationInfo(operation: Operation): OperationInfo {
    return TABLE[operation];
}
