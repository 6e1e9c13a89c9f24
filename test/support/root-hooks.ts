/** Root hooks of mocha (.mocharc.yml): a run ends, whatever its tests have left behind. */

/** After the last test; whoever ends in good order takes a fraction of it. */
const GRACE_MS = 5_000;

/** The timer alone keeps no process alive: it strikes only where a server, a socket or a child does. */
export const mochaHooks = {
    afterAll(): void {
        setTimeout(() => {
            const left = process.getActiveResourcesInfo().join(", ");
            process.stderr.write(`A test has left something open that keeps the process from ending: ${left}\n`);
            process.on("exit", () => (process.exitCode = 1)); // mocha sets it at the same event, ahead of this
            process.exit();
        }, GRACE_MS).unref();
    },
};
