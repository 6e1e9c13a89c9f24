import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";

const run = promisify(execFile);
const ROOT = join(__dirname, "../..");
const SLOW = ["@node-rs/argon2", "express", "jsonwebtoken", "passport", "rate-limiter-flexible", "classic-level"];

/** Runs a script in a process of its own and returns which of the slow packages it loaded. */
async function loadedBy(script: string): Promise<string[]> {
    const report = `process.on("exit", () => console.log(JSON.stringify(Object.keys(require.cache))));`;
    const { stdout } = await run(process.execPath, ["--require", "tsx/cjs", "--eval", report + script], { cwd: ROOT });
    const files: unknown = JSON.parse(stdout);
    if (!Array.isArray(files)) throw new Error("There was no list of files");
    return SLOW.filter((name) => files.some((file) => String(file).includes(`/node_modules/${name}/`)));
}

const CREATE = `
    const { createAuth } = require("./src/auth");
    const { MemoryLevel } = require("memory-level");
    const created = (accounts) => createAuth({ accounts }, new MemoryLevel());`;

describe("loading", () => {
    it("the room loads none of the slow packages", async () => {
        expect(await loadedBy(`require("./src/auth");`)).to.be.empty;
    });

    it("authentication without passwords loads neither argon2 nor Express", async () => {
        const loaded = await loadedBy(`${CREATE} created([]);`);
        expect(loaded).to.have.members(["jsonwebtoken", "passport", "rate-limiter-flexible"]);
    });

    it("a password loads argon2, and the routes load Express", async () => {
        const accounts = `[{ username: "ann", password: "secret", role: "viewer" }]`;
        const loaded = await loadedBy(`${CREATE} created(${accounts}).then((auth) => auth.router());`);
        expect(loaded).to.include.members(["@node-rs/argon2", "express"]);
    });

    it("an open authentication keeps no process alive", async () => {
        // It would run into the time limit of the test
        expect(await loadedBy(`${CREATE} created([]).then((auth) => auth.router());`)).to.include("express");
    });
});
