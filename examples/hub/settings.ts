/** What the three processes of this example have to agree on: where the hub is, who they are, and whom they trust. */

/** `PORT` overrides 8444. */
export const PORT = Number(process.env["PORT"] ?? 8444);
export const HUB = `sse://127.0.0.1:${PORT}`;
/** The hub makes a certificate on the spot and writes it here; agent and consumer trust it. */
export const CERTIFICATE = process.argv[2] ?? "hub-certificate.pem";

export const AGENT = { username: "thermometer", password: "demo" };
export const CONSUMER = { username: "alice", password: "demo" };

export const THERMOMETER = "urn:example:thermometer";

/** Runs `stop` once at Ctrl-C or SIGTERM, which may come several times: the terminal sends them to all, and npm and tsx pass them on. */
export function onInterrupt(stop: () => Promise<void>): void {
    let stopping = false;
    const end = (): void => {
        if (stopping) return;
        stopping = true;
        stop().then(
            () => process.exit(0),
            (error: unknown) => {
                console.error(error);
                process.exit(1);
            }
        );
    };
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
}
