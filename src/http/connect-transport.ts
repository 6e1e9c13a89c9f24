/** Connects to a server and finds out which HTTP it speaks. */
import { isIP } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { connectFailed, type ClientTransport, type ConnectOptions } from "./client-transport";
import { Http1Transport } from "./client-transport-http1";
import { Http2Transport } from "./client-transport-http2";

/**
 * Makes a transport to an http(s) origin. The TLS handshake finds out which version of HTTP it will be; its socket is used on.
 * @param signal ends the dialling
 * @throws SseScError CONNECT_FAILED
 */
export async function connectTransport(
    origin: string,
    options: ConnectOptions,
    signal?: AbortSignal
): Promise<ClientTransport> {
    if (!origin.startsWith("https:")) return Http1Transport.create(origin, options);
    const socket = await dialTls(origin, options, signal);
    if (socket.alpnProtocol === "h2") return new Http2Transport(origin, socket);
    if (options.httpVersion === 2) {
        socket.destroy();
        throw connectFailed(origin, new Error("the server does not speak HTTP/2"));
    }
    return Http1Transport.create(origin, options, socket);
}

function dialTls(origin: string, options: ConnectOptions, signal?: AbortSignal): Promise<TLSSocket> {
    const { hostname, port } = new URL(origin);
    const host = hostname.replace(/^\[|\]$/g, "");
    const protocols = { 1: ["http/1.1"], 2: ["h2"], any: ["h2", "http/1.1"] };
    return new Promise((resolve, reject) => {
        const socket = connectTls({
            host,
            port: port === "" ? 443 : Number(port),
            ...(isIP(host) === 0 ? { servername: host } : {}),
            ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
            ...options.identity,
            rejectUnauthorized: options.rejectUnauthorized ?? true,
            ALPNProtocols: protocols[options.httpVersion ?? "any"],
        });
        const timer = setTimeout(() => {
            socket.destroy(new Error(`no answer within ${String(options.connectTimeout)} ms`));
        }, options.connectTimeout);
        const abort = (): void => {
            socket.destroy(new Error("nobody waits for it any more"));
        };
        const stop = (): void => {
            clearTimeout(timer);
            signal?.removeEventListener("abort", abort);
        };
        signal?.addEventListener("abort", abort, { once: true });
        const fail = (cause: unknown): void => {
            stop();
            reject(connectFailed(origin, cause));
        };
        const failOnClose = (): void => {
            fail(new Error("the server closed the connection"));
        };
        socket.once("error", fail).once("close", failOnClose);
        socket.once("secureConnect", () => {
            stop();
            socket.off("error", fail).off("close", failOnClose);
            socket.setNoDelay(true);
            resolve(socket);
        });
    });
}
