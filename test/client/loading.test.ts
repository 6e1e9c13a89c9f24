import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";

/** Packages that a consumer does not need (design.md, "Dependencies": what only some roles need is loaded lazily). */
const NOT_FOR_CLIENTS = [
    "express",
    "passport",
    "passport-jwt",
    "jsonwebtoken",
    "@node-rs/argon2",
    "classic-level",
    "memory-level",
    "selfsigned",
    "dns-packet",
];

describe("requiring the client alone", () => {
    it("loads no package that only servers need", async () => {
        const script = `
            const { discover, SseScClientFactory } = require(${JSON.stringify(join(__dirname, "../../src/index.ts"))});
            const { Servient } = require("@node-wot/core");
            new Servient().addClientFactory(new SseScClientFactory());
            discover(); // not begun
            const loaded = Object.keys(require.cache).map((file) => /.*node_modules[\\\\/]((?:@[^\\\\/]+[\\\\/])?[^\\\\/]+)/.exec(file)?.[1]);
            process.stdout.write(JSON.stringify([...new Set(loaded)]));
        `;
        const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "-e", script]);
        const loaded = JSON.parse(stdout) as string[];
        expect(loaded).to.include("@node-wot/core");
        for (const name of NOT_FOR_CLIENTS) expect(loaded, name).to.not.include(name);
    });
});
