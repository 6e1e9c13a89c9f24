/**
 * A server in a process of its own, without any process-wide handler: what escapes us ends it. Started by `fork`; tells its port
 * and certificate, then serves until it is killed. Arguments: `secure` or `plain`, a port (0: a free one), and further options as JSON.
 */
import { COUNTER_ID } from "./things";
import { SetUp } from "./set-ups";

void SetUp.start({
    secure: process.argv[2] === "secure",
    things: [COUNTER_ID],
    server: { port: Number(process.argv[3] ?? 0), ...(JSON.parse(process.argv[4] ?? "{}") as object) },
}).then(async ({ port, counter, server, certificate }) => {
    // A listener of somebody else that throws breaks the application's emit, and nothing else.
    const { thing } = counter;
    if ("handleSubscribeEvent" in thing && typeof thing.handleSubscribeEvent === "function") {
        await thing.handleSubscribeEvent(
            "tick",
            () => {
                throw new Error("a listener that throws");
            },
            { formIndex: 0 }
        );
    }
    thing.setActionHandler("fail", async () => {
        thing.emitEvent("tick", "to the listener that throws");
        return undefined;
    });
    process.on("message", () => process.send?.({ sessions: server.status.sessions }));
    process.send?.({ port, cert: certificate.cert });
});
