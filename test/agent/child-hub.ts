/**
 * A raw hub in a process of its own, to be killed. Started by `fork` with `secure` or `plain` and a port; tells its port, then each
 * notification that it takes and each TD that is written.
 */
import { RawHub } from "../conformance/raw/raw-hub";
import { certificate } from "../support/certificates";

async function main(): Promise<void> {
    const [, , security, port] = process.argv;
    const { key, cert } = await certificate();
    const hub = await RawHub.start({
        ...(security === "secure" ? { tls: { key, cert } } : {}),
        port: Number(port),
        password: "secret",
        batches: true,
    });
    hub.onNotifications = (lines) => {
        process.send?.({ notifications: lines.map(({ value }) => value) });
        return undefined;
    };
    hub.refuse = (action) => {
        process.send?.({ action });
        return undefined;
    };
    process.send?.({ port: hub.port });
}

void main();
