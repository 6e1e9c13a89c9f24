/** The directory as a Thing: what its actions do, for whom, and what it tells. */
import { expect } from "chai";
import { SseScError, toProblem } from "../../lib/errors";
import { directoryAccess, type DirectoryCaller } from "../../src/hub/directory-access";
import {
    DEFAULT_PAGE,
    describeDirectory,
    DIRECTORY_ALIASES,
    DIRECTORY_ID,
    isDirectory,
} from "../../src/hub/directory-description";
import { checkDescription } from "../../src/hub/description-check";
import { DirectoryThing } from "../../src/hub/directory-thing";
import { readRecording } from "../conformance/raw/recordings";
import { req } from "../conformance/requirements";
import { ADMIN, openDirectory, tdOf } from "./harness";

const ROLES = ["none", "viewer", "operator", "manager", "device", "service", "admin"];

function caller(role: string, clientId = role): DirectoryCaller {
    return { clientId, access: directoryAccess(role, role !== "none") };
}

const DEVICE = caller("device");
const VIEWER = caller("viewer");

async function openThing(maxAnswer?: number) {
    const store = await openDirectory({ isReserved: isDirectory });
    const thing = new DirectoryThing({
        store,
        render: ({ td, owner }) => ({ ...td, "ex:rendered": owner }),
        ownDescription: describeDirectory,
        maxDepth: 64,
        ...(maxAnswer !== undefined && { maxAnswer }),
    });
    return { store, thing };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
    return promise.then(
        () => "none",
        (error: unknown) => (error instanceof SseScError ? error.code : String(error))
    );
}

describe("DirectoryThing", () => {
    for (const action of ["createThing", "updateThing"]) {
        it(`${action} writes a TD that comes as a JSON string, and one that comes as an object`, async () => {
            const { store, thing } = await openThing();
            expect(await thing.invoke(action, JSON.stringify(tdOf("a")), DEVICE)).to.equal(undefined);
            await thing.invoke(action, tdOf("b"), DEVICE);
            await thing.invoke(action, JSON.stringify(tdOf("a", { title: "New" })), DEVICE);
            expect(store.idsOf("device")).to.deep.equal(["a", "b"]);
            expect(store.get("a")?.td["title"]).to.equal("New");
        });
    }

    req("DIR-recorded", "takes what the recorded agent writes", async () => {
        const { store, thing } = await openThing();
        const writes = readRecording("hivekit-2026-08/gateway-plain.jsonl").filter(({ envelope }) =>
            ["createThing", "updateThing"].includes(String(envelope?.["name"]))
        );
        expect(writes).to.have.length(2);
        for (const { envelope } of writes) await thing.invoke(String(envelope?.["name"]), envelope?.["input"], DEVICE);
        expect(store.get("urn:counter")).to.include({ owner: "device" });
    });

    it("answers nothing to what is no TD, and says why", async () => {
        const { store, thing } = await openThing();
        for (const input of ["{", "7", 7, null, undefined, `${"[".repeat(65)}${"]".repeat(65)}`, "{}", "null"]) {
            expect(await codeOf(thing.invoke("createThing", input, DEVICE))).to.equal("INVALID_TD");
        }
        const failure = await thing
            .invoke("createThing", { ...tdOf("a"), title: 7 }, DEVICE)
            .catch((error: unknown) => toProblem(error));
        expect(failure).to.deep.equal({
            status: 400,
            type: "urn:hiveot-ssesc:problem:INVALID_TD",
            title: "The Thing Description is not valid",
            detail: "title is not a string",
            validationErrors: [{ field: "title", description: "is not a string" }],
        });
        expect(store.size).to.equal(0);
    });

    it("refuses the TD of another client, and its own ids", async () => {
        const { thing } = await openThing();
        await thing.invoke("createThing", tdOf("a"), DEVICE);
        const other = caller("device", "other");
        expect(await codeOf(thing.invoke("updateThing", tdOf("a"), other))).to.equal("NOT_OWNER");
        expect(await codeOf(thing.invoke("deleteThing", "a", other))).to.equal("NOT_OWNER");
        for (const id of [DIRECTORY_ID, ...DIRECTORY_ALIASES]) {
            expect(await codeOf(thing.invoke("createThing", tdOf(id), caller("admin")))).to.equal("NOT_OWNER");
        }
        await thing.invoke("updateThing", tdOf("a"), caller("service"));
        await thing.invoke("deleteThing", "a", caller("admin"));
    });

    it("retrieves a TD as a JSON string, as the hub renders it", async () => {
        const { thing } = await openThing();
        await thing.invoke("createThing", tdOf("a"), DEVICE);
        const text = await thing.invoke("retrieveThing", "a", VIEWER);
        expect(JSON.parse(text as string)).to.deep.equal(tdOf("a", { "ex:rendered": "device" }));
        expect(await codeOf(thing.invoke("retrieveThing", "b", VIEWER))).to.equal("UNKNOWN_THING");
        expect(await codeOf(thing.invoke("retrieveThing", undefined, VIEWER))).to.equal("INVALID_INPUT");
        expect(await codeOf(thing.invoke("deleteThing", { id: "a" }, DEVICE))).to.equal("INVALID_INPUT");
    });

    it("retrieves TDs page by page, 100 where nobody says how many", async () => {
        const { store, thing } = await openThing();
        const ids = Array.from({ length: 120 }, (_, i) => `t${String(i).padStart(3, "0")}`);
        await Promise.all(ids.map((id) => store.put(tdOf(id), ADMIN)));
        const idsIn = async (input: unknown): Promise<unknown[]> => {
            const texts = (await thing.invoke("retrieveAllThings", input, VIEWER)) as string[];
            return texts.map((text) => (JSON.parse(text) as Record<string, unknown>)["id"]);
        };
        expect(await idsIn({ offset: 1, limit: 2 })).to.deep.equal(["t001", "t002"]);
        expect(await idsIn({ offset: 119, limit: 10 })).to.deep.equal(["t119"]);
        expect(await idsIn({ offset: 120 })).to.deep.equal([]);
        for (const input of [undefined, null, {}, { offset: 0, limit: 0 }, { offset: null, limit: null }]) {
            expect(await idsIn(input)).to.deep.equal(ids.slice(0, DEFAULT_PAGE));
        }
        expect(await idsIn({ limit: 1000 })).to.deep.equal(ids);
        for (const input of [7, "x", [], { offset: -1 }, { limit: 1.5 }, { limit: "5" }]) {
            expect(await codeOf(thing.invoke("retrieveAllThings", input, VIEWER))).to.equal("INVALID_INPUT");
        }
    });

    it("refuses a page that is too large for one message, and never cuts one short", async () => {
        const { store, thing } = await openThing(1_000);
        for (const id of ["a", "b", "c", "d", "e", "f"]) await store.put(tdOf(id), ADMIN);
        expect(await codeOf(thing.invoke("retrieveAllThings", {}, VIEWER))).to.equal("RESPONSE_TOO_LARGE");
        expect(await thing.invoke("retrieveAllThings", { limit: 3 }, VIEWER)).to.have.length(3);
    });

    it("has a property things: the first TDs, as many as fit", async () => {
        const { store, thing } = await openThing(1_000);
        for (const id of ["a", "b", "c", "d", "e", "f"]) await store.put(tdOf(id), ADMIN);
        const things = thing.readProperty("things", VIEWER);
        expect(things.map((td) => td["id"])).to.deep.equal(["a", "b", "c", "d", "e"]);
        expect(things[0]).to.deep.equal(tdOf("a", { "ex:rendered": "admin" }));
        expect(() => thing.readProperty("other", VIEWER))
            .to.throw(SseScError)
            .with.property("status", 404);
        expect(() => thing.readProperty("things", caller("none")))
            .to.throw(SseScError)
            .with.property("status", 403);
    });

    req("TDD-04", "has a TD of its own, which retrieveTDD gives: ThingDirectory in the discovery context", async () => {
        const { thing } = await openThing();
        const td = JSON.parse((await thing.invoke("retrieveTDD", undefined, VIEWER)) as string) as Record<
            string,
            object
        >;
        expect(td["@type"]).to.equal("ThingDirectory");
        expect(td["@context"]).to.include("https://www.w3.org/2022/wot/discovery");
        expect(td["id"]).to.equal("thingDirectory");
        expect(td["properties"]).to.have.all.keys("things");
        expect(td["actions"]).to.include.all.keys(
            ...["createThing", "updateThing", "deleteThing", "retrieveThing", "retrieveAllThings", "retrieveTDD"]
        );
        expect(td["events"]).to.have.all.keys("thingCreated", "thingUpdated", "thingDeleted");
        expect(checkDescription({ ...td, security: null, securityDefinitions: null })).to.deep.equal([]);
    });

    it("knows no other action", async () => {
        const { thing } = await openThing();
        for (const name of ["dropEverything", "constructor", "__proto__", ""]) {
            expect(await codeOf(thing.invoke(name, undefined, caller("admin")))).to.equal("UNKNOWN_AFFORDANCE");
        }
    });

    it("lets each role do what protocol.md says", async () => {
        const allowed: Record<string, string> = {};
        for (const role of ROLES) {
            const { store, thing } = await openThing();
            await store.put(tdOf("theirs"), { clientId: "somebody", mayWriteAny: false });
            const may = async (action: string, input: unknown): Promise<string> =>
                (await codeOf(thing.invoke(action, input, caller(role)))) === "none" ? "y" : "n";
            allowed[role] = [
                await may("retrieveThing", "theirs"),
                await may("retrieveAllThings", {}),
                await may("retrieveTDD", undefined),
                await may("createThing", tdOf("own")),
                await may("updateThing", tdOf("own")),
                await may("deleteThing", "own"),
                await may("updateThing", tdOf("theirs")),
                await may("deleteThing", "theirs"),
            ].join("");
        }
        expect(allowed).to.deep.equal({
            none: "nnnnnnnn",
            viewer: "yyynnnnn",
            operator: "yyynnnnn",
            manager: "yyynnnnn",
            device: "yyyyyynn",
            service: "yyyyyyyy",
            admin: "yyyyyyyy",
        });
        expect(directoryAccess("own role", true)).to.deep.equal({ read: true, write: "none" });
    });

    it("tells of each change by events, TDs as JSON strings", async () => {
        const { store, thing } = await openThing();
        const told: (readonly [string, unknown])[] = [];
        store.onChange((change) => {
            for (const { name, data } of thing.events(change)) told.push([name, data]);
        });
        await thing.invoke("createThing", tdOf("a"), DEVICE);
        await thing.invoke("updateThing", tdOf("a", { title: "New" }), DEVICE);
        await thing.invoke("deleteThing", "a", DEVICE);
        const first = JSON.stringify(tdOf("a", { "ex:rendered": "device" }));
        const second = JSON.stringify(tdOf("a", { title: "New", "ex:rendered": "device" }));
        expect(told).to.deep.equal([
            ["thingCreated", first],
            ["thingUpdated", first],
            ["thingUpdated", second],
            ["thingDeleted", "a"],
        ]);
    });
});
