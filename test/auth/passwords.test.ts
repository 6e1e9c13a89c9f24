import { expect } from "chai";
import { hashPassword, isPasswordHash, verifyPassword } from "../../src/auth/passwords";

/** Microseconds of processor time, which other processes do not change. */
async function workOf(action: () => Promise<unknown>): Promise<number> {
    const start = process.cpuUsage();
    await action();
    const { user, system } = process.cpuUsage(start);
    return user + system;
}

describe("passwords", () => {
    it("hashes with argon2id, 19 MiB, two passes", async () => {
        expect(await hashPassword("secret")).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    });

    it("gives each hash a salt of its own", async () => {
        expect(await hashPassword("secret")).to.not.equal(await hashPassword("secret"));
    });

    it("accepts the password that was hashed", async () => {
        expect(await verifyPassword(await hashPassword("secret"), "secret")).to.be.true;
    });

    it("refuses another password", async () => {
        expect(await verifyPassword(await hashPassword("secret"), "Secret")).to.be.false;
    });

    it("refuses any password where there is no hash", async () => {
        expect(await verifyPassword(undefined, "secret")).to.be.false;
    });

    it("does the same work without a hash as with the wrong password", async () => {
        const hash = await hashPassword("secret");
        let unknown = 0;
        let wrong = 0;
        for (let round = 0; round < 10; round += 1) {
            unknown += await workOf(() => verifyPassword(undefined, "wrong"));
            wrong += await workOf(() => verifyPassword(hash, "wrong"));
        }
        expect(unknown).to.be.within(wrong / 2, wrong * 2);
    });

    it("knows an argon2id hash from anything else", async () => {
        expect(isPasswordHash(await hashPassword("secret"))).to.be.true;
        expect(isPasswordHash("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy")).to.be.false;
        expect(isPasswordHash("$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA")).to.be.false;
        expect(isPasswordHash("secret")).to.be.false;
    });
});
