/** The examples: each asserts what it shows. */
import { expect } from "chai";
import { sideBySide } from "../support/side-by-side";
import { TestProcess } from "./process";

describe("examples", function () {
    this.timeout(60_000);
    after(() => TestProcess.endAll());
    const aside = sideBySide(2); // all of it is work for other processes

    for (const name of [
        "thing",
        "consumer",
        "connect",
        "existing-script",
        "mount",
        "discovery",
        "agent",
        "hub",
        "hybrid",
    ]) {
        it(
            `${name} runs, finds everything as expected, and exits by itself`,
            aside(async () => {
                const example = TestProcess.example(name);
                expect(await example.exit, example.stderr).to.deep.equal({ code: 0, signal: null });
                expect(example.stdout).to.match(/^all as expected\n$/m);
            })
        );
    }
});
