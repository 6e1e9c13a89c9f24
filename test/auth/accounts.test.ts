import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { mock } from "node:test";
import { expect } from "chai";
import { createAuth, LevelAccounts, type AccountConfig } from "../../src/auth";
import { MemoryAccounts } from "../../src/auth/accounts";
import { hashPassword, verifyPassword } from "../../src/auth/passwords";
import { errorOf, expectCode, makeFolder, memoryStore, onEnd, PASSWORD, withStore } from "./harness";

const ANN: AccountConfig = { username: "ann", password: PASSWORD, role: "viewer", displayName: "Ann" };
const BOB: AccountConfig = { username: "bob", password: PASSWORD, role: "admin" };

const START = Date.UTC(2026, 7, 20);

/** Makes the clock stand still until it is moved on. */
function stopClock(): void {
    mock.timers.enable({ apis: ["Date"], now: START });
    onEnd(async () => mock.timers.reset());
}

async function filesOf(folder: string): Promise<string> {
    const names = await readdir(folder);
    const contents = await Promise.all(names.map((name) => readFile(join(folder, name), "latin1")));
    return contents.join();
}

describe("MemoryAccounts", () => {
    it("answers at once with the account that was put", async () => {
        stopClock();
        const accounts = new MemoryAccounts();
        await accounts.put(ANN);
        const { passwordHash, ...rest } = accounts.get("ann")!;
        expect(rest).to.deep.equal({
            clientId: "ann",
            role: "viewer",
            displayName: "Ann",
            updated: "2026-08-20T00:00:00.000Z",
            tokensFrom: START,
        });
        expect(await verifyPassword(passwordHash, PASSWORD)).to.be.true;
    });

    it("keeps no plain password", async () => {
        const accounts = new MemoryAccounts();
        await accounts.putAll([ANN, BOB]);
        expect(JSON.stringify(accounts.list())).to.not.include(PASSWORD);
        expect(accounts.list().map(({ clientId }) => clientId)).to.deep.equal(["ann", "bob"]);
    });

    it("takes a hash in place of a password", async () => {
        const accounts = new MemoryAccounts();
        const passwordHash = await hashPassword(PASSWORD);
        await accounts.put({ username: "ann", passwordHash, role: "viewer" });
        expect(accounts.get("ann")?.passwordHash).to.equal(passwordHash);
    });

    it("leaves an account alone that is put again as it is", async () => {
        const accounts = new MemoryAccounts();
        await accounts.put(ANN);
        const before = accounts.get("ann");
        await accounts.put(ANN);
        expect(accounts.get("ann")).to.equal(before);
    });

    it("keeps the password when it is put without one, and the moment from which its tokens count", async () => {
        stopClock();
        const accounts = new MemoryAccounts();
        await accounts.put(ANN);
        const before = accounts.get("ann")!;
        mock.timers.setTime(START + 1);
        await accounts.put({ username: "ann", role: "operator" });
        expect(accounts.get("ann")).to.deep.equal({
            clientId: "ann",
            role: "operator",
            passwordHash: before.passwordHash,
            updated: "2026-08-20T00:00:00.001Z",
            tokensFrom: START,
        });
    });

    it("moves on the moment from which tokens count when the password changes", async () => {
        stopClock();
        const accounts = new MemoryAccounts();
        await accounts.put(ANN);
        mock.timers.setTime(START + 1);
        await accounts.setPassword("ann", "another");
        const { passwordHash, tokensFrom, displayName, role } = accounts.get("ann")!;
        expect({ tokensFrom, displayName, role }).to.deep.equal({
            tokensFrom: START + 1,
            displayName: "Ann",
            role: "viewer",
        });
        expect(await verifyPassword(passwordHash, "another")).to.be.true;
    });

    it("forgets an account that is removed", async () => {
        const accounts = new MemoryAccounts();
        await accounts.put(ANN);
        expect(await accounts.remove("ann")).to.be.true;
        expect(accounts.get("ann")).to.equal(undefined);
        expect(await accounts.remove("ann")).to.be.false;
    });

    it("makes changes in the order in which they were asked for", async () => {
        const accounts = new MemoryAccounts();
        await Promise.all([accounts.put(ANN), accounts.remove("ann"), accounts.put(BOB)]);
        expect(accounts.list().map(({ clientId }) => clientId)).to.deep.equal(["bob"]);
    });

    it("goes on after a change that failed", async () => {
        const accounts = new MemoryAccounts();
        const failing = errorOf(() => accounts.put({ username: "ann", role: "viewer" }));
        await accounts.put(BOB);
        expect((await failing).message).to.include("password");
        expect(accounts.get("bob")?.role).to.equal("admin");
    });

    it("refuses a role that does not exist", async () => {
        const accounts = new MemoryAccounts({ hasRole: (role) => role === "viewer" });
        expect((await errorOf(() => accounts.put(BOB))).message).to.include("role");
    });

    it("refuses a password for an account that does not exist", async () => {
        await expectCode("NOT_FOUND", () => new MemoryAccounts().setPassword("ann", "another"));
    });

    describe("whose disk is slow", () => {
        let failed: Error | undefined;
        let written: () => void;

        class SlowAccounts extends MemoryAccounts {
            protected override async persist(): Promise<void> {
                await new Promise<void>((resolve) => (written = resolve));
                if (failed !== undefined) throw failed;
            }
        }

        /** Begins to give Ann another password; her account is being written when this returns. */
        async function change(): Promise<{ accounts: MemoryAccounts; done: Promise<void> }> {
            failed = undefined;
            const accounts = new SlowAccounts();
            const before = accounts.put(ANN);
            await until(() => accounts.get("ann") !== undefined);
            written();
            await before;
            const { passwordHash } = accounts.get("ann")!;
            const done = accounts.setPassword("ann", "another");
            await until(() => accounts.get("ann")?.passwordHash !== passwordHash);
            return { accounts, done };
        }

        /** Looks again after each turn of the event loop. */
        async function until(condition: () => boolean): Promise<void> {
            while (!condition()) await new Promise(setImmediate);
        }

        it("knows another password before it is written, so that the old one lets nobody in meanwhile", async () => {
            const { accounts, done } = await change();
            const { passwordHash } = accounts.get("ann")!;
            expect(await verifyPassword(passwordHash, PASSWORD)).to.equal(false);
            written();
            await done;
            expect(accounts.get("ann")?.passwordHash).to.equal(passwordHash);
        });

        it("goes back to what is written when that fails", async () => {
            const { accounts, done } = await change();
            failed = new Error("disk full");
            written();
            expect(await done.catch((thrown: unknown) => thrown)).to.equal(failed);
            expect(await verifyPassword(accounts.get("ann")?.passwordHash, PASSWORD)).to.equal(true);
        });
    });

    describe("#onChange", () => {
        const changed: string[] = [];
        let accounts: MemoryAccounts;

        beforeEach(async () => {
            changed.length = 0;
            accounts = new MemoryAccounts({ onChange: (clientId) => changed.push(clientId) });
            await accounts.putAll([ANN, BOB]);
        });

        it("is not called for a new account", () => {
            expect(changed).to.be.empty;
        });

        it("is not called for another display name", async () => {
            await accounts.put({ ...ANN, displayName: "Anna" });
            expect(accounts.get("ann")?.displayName).to.equal("Anna");
            expect(changed).to.be.empty;
        });

        it("is called for another role", async () => {
            await accounts.put({ ...ANN, role: "none" });
            expect(changed).to.deep.equal(["ann"]);
        });

        it("is called for another password", async () => {
            stopClock();
            await accounts.setPassword("ann", "another");
            expect(changed).to.deep.equal(["ann"]);
        });

        it("is called when the account is gone", async () => {
            let known: unknown = "not asked";
            accounts = new MemoryAccounts({ onChange: (clientId) => (known = accounts.get(clientId)) });
            await accounts.put(ANN);
            await accounts.remove("ann");
            expect(known).to.equal(undefined);
        });
    });
});

describe("LevelAccounts", () => {
    it("knows after a restart what it was told before", async () => {
        const folder = await makeFolder();
        const before = await withStore(folder, async (store) => {
            const accounts = await LevelAccounts.open(store);
            await accounts.putAll([ANN, BOB]);
            await accounts.setPassword("ann", "another");
            return accounts.list();
        });
        const after = await withStore(folder, async (store) => (await LevelAccounts.open(store)).list());
        expect(after).to.deep.equal(before);
        expect(after).to.have.length(2);
    });

    it("does not know after a restart what was removed before", async () => {
        const folder = await makeFolder();
        await withStore(folder, async (store) => {
            const accounts = await LevelAccounts.open(store);
            await accounts.putAll([ANN, BOB]);
            await accounts.remove("ann");
        });
        const after = await withStore(folder, async (store) => (await LevelAccounts.open(store)).list());
        expect(after.map(({ clientId }) => clientId)).to.deep.equal(["bob"]);
    });

    it("writes no plain password into the folder", async () => {
        const folder = await makeFolder();
        await withStore(folder, async (store) => {
            const auth = await createAuth({ accounts: [ANN] }, store);
            await auth.close();
        });
        const files = await filesOf(folder);
        expect(files).to.include("$argon2id$");
        expect(files).to.not.include(PASSWORD);
    });

    it("asks the store to have each change on the disk before it is acknowledged", async () => {
        const store = memoryStore();
        const writes: unknown[] = [];
        store.on("write", (operations) => {
            for (const operation of operations) writes.push([operation.type, Reflect.get(operation, "sync")]);
        });
        const accounts = await LevelAccounts.open(store);
        await accounts.put(ANN);
        await accounts.remove("ann");
        expect(writes).to.deep.equal([
            ["put", true],
            ["del", true],
        ]);
    });

    for (const member of ["clientId", "role", "updated"]) {
        it(`names a record that is damaged: no ${member}`, async () => {
            const store = memoryStore();
            const accounts = await LevelAccounts.open(store);
            await accounts.put(ANN);
            await store.sublevel("accounts").put("ann", JSON.stringify({ ...accounts.get("ann"), [member]: 1 }));
            const error = await errorOf(() => LevelAccounts.open(store));
            expect(error.code).to.equal("INTERNAL");
            expect(error.message).to.include('"ann"');
        });
    }

    it("lets no earlier token of a record count that does not say which ones do", async () => {
        stopClock();
        const store = memoryStore();
        const accounts = await LevelAccounts.open(store);
        await accounts.put(ANN);
        await store.sublevel("accounts").put("ann", JSON.stringify({ ...accounts.get("ann"), tokensFrom: undefined }));
        mock.timers.setTime(START + 5);
        expect((await LevelAccounts.open(store)).get("ann")?.tokensFrom).to.equal(START + 5);
    });

    it("refuses a record under another account's name", async () => {
        const store = memoryStore();
        const accounts = await LevelAccounts.open(store);
        await accounts.put(BOB);
        const records = store.sublevel("accounts");
        await records.put("ann", (await records.get("bob"))!);
        await expectCode("INTERNAL", () => LevelAccounts.open(store));
    });

    describe("with accounts from the options", () => {
        it("lets them win over stored ones and keeps the others", async () => {
            const store = memoryStore();
            const stored = await LevelAccounts.open(store);
            await stored.putAll([ANN, BOB]);
            const { accounts } = await createAuth({ accounts: [{ ...ANN, role: "manager" }] }, store);
            expect(await accounts.get("ann")).to.include({ role: "manager" });
            expect(await accounts.get("bob")).to.include({ role: "admin" });
        });

        it("changes nothing when the same options come again", async () => {
            const store = memoryStore();
            const first = await createAuth({ accounts: [ANN] }, store);
            let writes = 0;
            store.on("write", () => (writes += 1));
            const second = await createAuth({ accounts: [ANN] }, store);
            expect(writes).to.equal(0);
            expect(await second.accounts.get("ann")).to.deep.equal(await first.accounts.get("ann"));
        });

        it("removes those that the options no longer name", async () => {
            const store = memoryStore();
            await createAuth({ accounts: [ANN, BOB] }, store);
            const { accounts } = await createAuth({ accounts: [BOB] }, store);
            expect(await accounts.get("ann")).to.equal(undefined);
            expect(await accounts.get("bob")).to.include({ role: "admin" });
        });

        it("refuses a role that is not in the table of roles", async () => {
            const { accounts } = await createAuth({ roles: { pinger: ["ping"] } }, memoryStore());
            if (!(accounts instanceof LevelAccounts)) throw new Error("These are not stored accounts");
            await accounts.put({ ...ANN, role: "pinger" });
            await expectCode("INVALID_CONFIG", () => accounts.put({ ...ANN, role: "boss" }));
        });

        it("removes none when the options say nothing of accounts", async () => {
            const store = memoryStore();
            await createAuth({ accounts: [ANN] }, store);
            const { accounts } = await createAuth({}, store);
            expect(await accounts.get("ann")).to.include({ role: "viewer" });
        });
    });
});
