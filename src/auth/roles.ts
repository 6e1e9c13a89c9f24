/** What each role may do: the default table (protocol.md, "Roles and what they may do") and the one from the options. */
import { isOperation, OPERATIONS, type Operation } from "../../lib/operations";
import { isRecord } from "../../lib/json";
import { invalidOption } from "./parse";

/** Role names and the operations that each may perform; `"*"` stands for all. */
export type RoleTable = Readonly<Record<string, readonly (Operation | "*")[]>>;

const VIEWER: readonly Operation[] = [
    "readproperty",
    "readallproperties",
    "readmultipleproperties",
    "observeproperty",
    "unobserveproperty",
    "observeallproperties",
    "unobserveallproperties",
    "readevent",
    "readallevents",
    "subscribeevent",
    "unsubscribeevent",
    "subscribeallevents",
    "unsubscribeallevents",
    "queryaction",
    "queryallactions",
    "observeaction",
    "unobserveaction",
    "observeallactions",
    "unobserveallactions",
    "ping",
];

const OPERATOR: readonly Operation[] = [...VIEWER, "invokeaction", "cancelaction"];

const MANAGER: readonly Operation[] = [...OPERATOR, "writeproperty", "writeallproperties", "writemultipleproperties"];

/** The roles that exist without any configuration. Every operation is listed, so that a new one is granted to nobody. */
const DEFAULT_ROLES = {
    none: [],
    viewer: VIEWER,
    operator: OPERATOR,
    manager: MANAGER,
    device: VIEWER,
    service: ["*"],
    admin: ["*"],
} as const satisfies RoleTable;

function parseRole(role: string, operations: unknown): ReadonlySet<Operation> {
    const option = `roles.${role}`;
    if (!Array.isArray(operations)) throw invalidOption(option, "must be an array of operations");
    const allowed = new Set<Operation>();
    for (const operation of operations as readonly unknown[]) {
        if (operation === "*") for (const each of OPERATIONS) allowed.add(each);
        else if (typeof operation === "string" && isOperation(operation)) allowed.add(operation);
        else throw invalidOption(option, `names an unknown operation: ${JSON.stringify(operation)}`);
    }
    return allowed;
}

/** The table of roles, ready to be asked on every request. */
export class Roles {
    readonly #allowed = new Map<string, ReadonlySet<Operation>>();

    /**
     * @param config roles that are added to the default ones; a role of the same name replaces the default one as a whole
     * @throws SseScError `INVALID_CONFIG` naming the role and the operation that is not known
     */
    constructor(config: unknown = {}) {
        if (!isRecord(config)) throw invalidOption("roles", "must be an object");
        for (const [role, operations] of Object.entries({ ...DEFAULT_ROLES, ...config })) {
            this.#allowed.set(role, parseRole(role, operations));
        }
    }

    /** True if the table has a role of that name. */
    has(role: string): boolean {
        return this.#allowed.has(role);
    }

    /** True if `role` may perform `operation`. An unknown role may do nothing. */
    mayPerform(role: string, operation: Operation): boolean {
        return this.#allowed.get(role)?.has(operation) ?? false;
    }
}
