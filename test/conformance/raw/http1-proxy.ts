/**
 * A TLS front that offers HTTP/1.1 only and passes the bytes on: makes a client that would choose HTTP/2 speak HTTP/1.1 to a
 * server that offers both. Imports nothing of the product.
 */
import type { AddressInfo } from "node:net";
import * as tls from "node:tls";

/** The front; `port` is where it listens on 127.0.0.1. */
export interface Http1Proxy {
    readonly port: number;
    stop(): Promise<void>;
}

/** Starts a front with this certificate for the TLS server on `port` of 127.0.0.1, which must have the same one. */
export async function startHttp1Proxy(port: number, { key, cert }: { key: string; cert: string }): Promise<Http1Proxy> {
    const sockets = new Set<tls.TLSSocket>();
    const server = tls.createServer({ key, cert, ALPNProtocols: ["http/1.1"] }, (near) => {
        const far = tls.connect({ host: "127.0.0.1", port, ca: cert, ALPNProtocols: ["http/1.1"] });
        for (const [from, to] of [
            [near, far],
            [far, near],
        ] as const) {
            sockets.add(from);
            from.on("error", () => undefined);
            from.on("close", () => {
                sockets.delete(from);
                to.destroy();
            });
            from.pipe(to);
        }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
        port: (server.address() as AddressInfo).port,
        stop: () =>
            new Promise((resolve) => {
                server.close(() => {
                    resolve();
                });
                for (const socket of sockets) socket.destroy();
            }),
    };
}
