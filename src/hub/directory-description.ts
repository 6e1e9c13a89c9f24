/**
 * The directory as a Thing: its TD, without the forms and security of a server (WoT Discovery, "Directory Service API"; recording
 * gateway-directory.td.json). Where the two differ in types HiveKit's are taken, whose clients check them: TDs travel as JSON strings.
 */

/** Its id. */
export const DIRECTORY_ID = "thingDirectory";

/** Ids under which January's clients know it: HiveOT's module in Go, and its client in JavaScript. */
export const DIRECTORY_ALIASES: readonly string[] = ["directory", "dtw:digitwin:ThingDirectory"];

/** TDs in one answer where nobody says how many. */
export const DEFAULT_PAGE = 100;

const TD_JSON = { type: "string", title: "TD as JSON" } as const;
const THING_ID = { type: "string", title: "Id of a Thing" } as const;
const WRITE = "The Thing belongs to the client that wrote it first. ";

const DESCRIPTION = {
    "@context": [
        "https://www.w3.org/2022/wot/td/v1.1",
        "https://www.w3.org/2022/wot/discovery",
        { hiveot: "https://www.hiveot.net/vocab/v0.1" },
    ],
    "@type": "ThingDirectory",
    id: DIRECTORY_ID,
    title: "Thing directory",
    properties: {
        things: {
            title: "TDs of the Things",
            description: `The first of them in the order of their ids, at most ${DEFAULT_PAGE}; retrieveAllThings reads on.`,
            type: "array",
            items: { type: "object" },
            readOnly: true,
            observable: false,
        },
    },
    actions: {
        createThing: {
            title: "Create a Thing",
            description: `${WRITE}One that exists is updated.`,
            idempotent: true,
            input: TD_JSON,
        },
        updateThing: {
            title: "Update a Thing",
            description: `${WRITE}One that does not exist is created.`,
            idempotent: true,
            input: TD_JSON,
        },
        deleteThing: { title: "Delete a Thing", idempotent: true, input: THING_ID },
        retrieveThing: { title: "Retrieve a TD", safe: true, idempotent: true, input: THING_ID, output: TD_JSON },
        retrieveAllThings: {
            title: "Retrieve TDs, page by page, in the order of their ids",
            description: "A page that would be too large for one message is refused: ask for fewer.",
            safe: true,
            idempotent: true,
            input: {
                type: "object",
                properties: {
                    offset: { type: "integer", title: "How many to pass over", default: 0, minimum: 0 },
                    limit: { type: "integer", title: "How many to retrieve", default: DEFAULT_PAGE, minimum: 1 },
                },
            },
            output: { type: "array", items: TD_JSON },
        },
        retrieveTDD: { title: "Retrieve the TD of the directory", safe: true, idempotent: true, output: TD_JSON },
    },
    events: {
        thingCreated: { title: "A Thing was created", data: TD_JSON },
        thingUpdated: { title: "A Thing was created or updated", data: TD_JSON },
        thingDeleted: { title: "A Thing was deleted", data: THING_ID },
    },
} as const;

/** The TD of the directory, for the caller to add forms and security to. */
export function describeDirectory(): Record<string, unknown> {
    return structuredClone(DESCRIPTION);
}

/** True for the ids of the directory. */
export function isDirectory(thingId: string): boolean {
    return thingId === DIRECTORY_ID || DIRECTORY_ALIASES.includes(thingId);
}
