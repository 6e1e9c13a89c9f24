/** Bodies that nobody reads, on HTTP/2: where the reply has none, Node leaves the stream open. */
import * as http2 from "node:http2";
import { expect } from "chai";
import { sharedSetUps } from "../support/set-ups";

describe("a body that nobody reads, on HTTP/2", () => {
    const setUps = sharedSetUps({ things: [], server: { hub: true } });
    /** More than a window takes: who sends it waits for somebody to read it. */
    const LARGE = Buffer.alloc(200_000);
    const TD = JSON.stringify({
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        id: "urn:x",
        title: "x",
        security: "nosec",
        securityDefinitions: { nosec: { scheme: "nosec" } },
    });

    /** Sends a request as `admin1` and waits until its stream is closed. */
    async function ask(
        method: string,
        path: string,
        body?: Buffer | string
    ): Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader> {
        const setUp = await setUps("TLS h2");
        const { token = "" } = await setUp.client("TLS h2");
        const session = http2.connect(setUp.origin, { ca: setUp.certificate.cert });
        try {
            const headers = { ":method": method, ":path": path, authorization: `Bearer ${token}` };
            const stream = session.request(headers, { endStream: body === undefined });
            let reply = {};
            stream.on("response", (found) => (reply = found));
            const closed = new Promise((resolve) => stream.once("close", resolve));
            stream.resume();
            if (body !== undefined) stream.end(body);
            await closed;
            return reply;
        } finally {
            session.destroy();
        }
    }

    for (const [path, status] of [
        ["/ping", 200],
        ["/things/none", 404],
        ["/hiveot/request", 405],
    ] as const) {
        it(`is refused with HEAD: ${path}`, async () => {
            expect(await ask("HEAD", path, LARGE)).to.include({ ":status": 400 });
            expect(await ask("HEAD", path)).to.include({ ":status": status });
        });
    }

    it("ends with the reply 204", async () => {
        expect(await ask("PUT", "/things/urn:x", TD)).to.include({ ":status": 201 });
        expect(await ask("DELETE", "/things/urn:x", LARGE)).to.include({ ":status": 204 });
    });

    it("ends with replies that have a body", async () => {
        expect(await ask("GET", "/things", LARGE)).to.include({ ":status": 200 });
        expect(await ask("DELETE", "/ping", LARGE)).to.include({ ":status": 405 });
    });
});
