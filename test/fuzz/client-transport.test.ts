/** The bytes of a stream on their way through the client's transports, cut anywhere: the same text comes out. */
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import fc from "fast-check";
import { connectTransport } from "../../src/http/connect-transport";
import { certificate } from "../support/certificates";
import { fuzz } from "./runs";

/** Texts with characters of one to four bytes. */
const text = fc.array(fc.constantFrom("a", "\n", "ä", "\u20ac", "\u{1f600}", "data: ", "\ufeff", "\u0000"), {
    maxLength: 40,
});
const cuts = fc.array(fc.nat(160), { maxLength: 10 });

/** Bytes that are no UTF-8, too: those may come out as anything, but they must not do harm. */
const bytes = fc.oneof(
    { weight: 3, arbitrary: text.map((parts) => Buffer.from(parts.join(""))) },
    fc.uint8Array({ maxLength: 60 }).map((garbage) => Buffer.from(garbage))
);

for (const secure of [false, true]) {
    describe(`a client's stream over ${secure ? "HTTP/2" : "HTTP/1.1"}, cut anywhere`, () => {
        it("gives the text that was sent", async () => {
            const tls = await certificate();
            let pieces: readonly Buffer[] = [];
            const answer = async (response: http.ServerResponse): Promise<void> => {
                response.writeHead(200, { "content-type": "text/event-stream" });
                // One write after the other: each piece is a chunk or a frame of its own
                for (const piece of pieces) await new Promise<void>((done) => response.write(piece, () => done()));
                response.end();
            };
            const server = secure
                ? http2.createSecureServer(tls, (_, response) => void answer(response as object as http.ServerResponse))
                : http.createServer((_, response) => void answer(response));
            server.listen(0, "127.0.0.1");
            await once(server, "listening");
            const origin = `${secure ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
            const transport = await connectTransport(origin, { ca: [tls.cert], connectTimeout: 5_000 });
            try {
                const property = fc.asyncProperty(bytes, cuts, async (sent, places) => {
                    const at = [...new Set(places.map((place) => place % (sent.length + 1)))].sort((a, b) => a - b);
                    pieces = [0, ...at]
                        .map((from, index) => sent.subarray(from, at[index]))
                        .filter((each) => each.length > 0);
                    let received = "";
                    await new Promise<unknown>((onClose, onError) => {
                        const onText = (part: string): void => void (received += part);
                        transport
                            .openStream({ path: "/", headers: {}, timeout: 5_000 }, { onText, onClose })
                            .catch(onError);
                    });
                    const whole = sent.toString();
                    if (Buffer.from(whole).equals(sent)) expect(received).to.equal(whole);
                });
                await fuzz(`bytes over ${secure ? "HTTP/2" : "HTTP/1.1"}`, { short: 60, long: 1_500 }, property);
            } finally {
                await transport.close();
                server.close();
            }
        });
    });
}
