/** Tokens that end while a stream is open (design.md, "Delivery"). */
import { expect } from "chai";
import { connect } from "../../src/index";
import { onEnd } from "../hub/harness";
import { isSecure, passwordOf, SetUp, TRANSPORTS, usernameOf, type Transport } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

const ADMIN = { username: usernameOf("admin"), password: passwordOf("admin") } as const;

/** What a client hears from then on, one event after the other, until its stream was ended twice; and how it came back. */
async function heardBeyond(transport: Transport): Promise<{ heard: unknown[]; back: unknown[] }> {
    const secure = isSecure(transport);
    const server = { tokenLifetime: 1_000, clockTolerance: 0, lingerTime: 60_000 };
    const setUp = await SetUp.start({ secure, server, things: [COUNTER_ID] });
    onEnd(() => setUp.stop());
    const tls = secure
        ? ({ caCert: setUp.certificate.cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const)
        : {};
    const connection = await connect(`${setUp.scheme}://${setUp.authority}`, ADMIN, {
        ...tls,
        reconnect: { min: 1, max: 20 },
    });
    onEnd(() => connection.close());
    const heard: unknown[] = [];
    const back: unknown[] = [];
    let emitted = 0;
    const next = (): void => setUp.counter.tick(String(++emitted));
    const done = new Promise<void>((resolve) => {
        connection.on("disconnected", next); // what is told while it is away follows too
        connection.on("connected", ({ gap }) => {
            if (back.push(gap) === 2) resolve();
        });
    });
    await connection.subscribeEvent(COUNTER_ID, "tick", {
        onNotification: ({ value }) => {
            heard.push(value);
            setImmediate(next);
        },
    });
    next();
    await done;
    await connection.ping(); // behind what was replayed
    return { heard, back };
}

describe("a client whose token ends while its stream is open", () => {
    it("has another one by then, comes back with it, and misses nothing", async () => {
        for (const { heard, back } of await Promise.all(TRANSPORTS.map(heardBeyond))) {
            expect(back).to.include(false).and.not.include(true);
            expect(heard).to.have.length.above(10);
            expect(heard).to.deep.equal(heard.map((_, index) => String(index + 1)));
        }
    });
});
