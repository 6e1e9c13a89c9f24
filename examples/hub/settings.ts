/** What the three processes of this example have to agree on: where the hub is, who they are, and whom they trust. */

/** `PORT` overrides 8444. */
export const PORT = Number(process.env["PORT"] ?? 8444);
export const HUB = `sse://127.0.0.1:${PORT}`;
/** The hub makes a certificate on the spot and writes it here; agent and consumer trust it. */
export const CERTIFICATE = process.argv[2] ?? "hub-certificate.pem";

export const AGENT = { username: "thermometer", password: "demo" };
export const CONSUMER = { username: "alice", password: "demo" };

export const THERMOMETER = "urn:example:thermometer";

/** Runs `stop` at Ctrl-C and SIGTERM. */
export function onInterrupt(stop: () => Promise<void>): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void stop());
}
