/** How long connections may take for what they do: the one table of it, and how it is looked after. */

/** Times in milliseconds. Slow headers and slow bodies are gone within 30 s of their start: each sum with `check` stays below that. */
export interface ConnectionTimeouts {
    /** For the TLS handshake. */
    readonly handshake: number;
    /** For the first request of an HTTP/2 session, and for the headers of each request of HTTP/1.1. */
    readonly headers: number;
    /** For a whole request, its body included. */
    readonly request: number;
    /** Between two requests, on a connection that has none under way. */
    readonly keepAlive: number;
    /** Without the peer taking a single byte of what waits for it (HTTP/1.1; on HTTP/2 the pings find such peers). */
    readonly write: number;
    /** Between two pings of an HTTP/2 session that sends nothing by itself. */
    readonly ping: number;
    /** Between two pings of one that sends: a header block that does not end keeps its peer from answering. */
    readonly busyPing: number;
    /** For the answer to a ping. */
    readonly pingAnswer: number;
    /** For the peer to take leave of an HTTP/2 session that was closed. */
    readonly goodbye: number;
    /** Between two looks at all of it, so a cut may come this much later. */
    readonly check: number;
}

export const CONNECTION_TIMEOUTS: ConnectionTimeouts = {
    handshake: 10_000,
    headers: 15_000,
    request: 24_000,
    keepAlive: 65_000,
    write: 30_000,
    ping: 30_000,
    busyPing: 10_000,
    pingAnswer: 12_000,
    goodbye: 4_000,
    check: 2_000,
};

/**
 * Looks at something again and again, without keeping the process alive. Each look waits until what has come over the network meanwhile
 * is read: after a stall of our own process its peers are not taken for the ones who were late.
 * @param interval milliseconds
 * @param look is given the monotonic time in milliseconds
 * @returns ends it
 */
export function lookAgain(interval: number, look: (now: number) => void): () => void {
    let ended = false;
    const timer = setInterval(() => {
        setImmediate(() => {
            if (!ended) look(performance.now());
        });
    }, interval);
    timer.unref();
    return () => {
        ended = true;
        clearInterval(timer);
    };
}
