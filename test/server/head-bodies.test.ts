/** HEAD requests with a body, which Node leaves open on HTTP/2. */
import * as http2 from "node:http2";
import { expect } from "chai";
import { sharedSetUps } from "../support/set-ups";

describe("a HEAD request on HTTP/2", () => {
    const setUps = sharedSetUps({ things: [] });

    async function head(path: string, body: Buffer | undefined): Promise<number | undefined> {
        const { origin, certificate } = await setUps("TLS h2");
        const session = http2.connect(origin, { ca: certificate.cert });
        try {
            const stream = session.request({ ":method": "HEAD", ":path": path }, { endStream: body === undefined });
            let status: number | undefined;
            stream.on("response", (headers) => (status = headers[":status"]));
            const closed = new Promise((resolve) => stream.once("close", resolve));
            stream.resume();
            if (body !== undefined) stream.end(body);
            await closed;
            return status;
        } finally {
            session.destroy();
        }
    }

    for (const [path, status] of [
        ["/ping", 200],
        ["/things/none", 404],
        ["/hiveot/request", 405],
    ] as const) {
        it(`with a body is refused, and its stream ends though the body does not fit its window: ${path}`, async () => {
            expect(await head(path, Buffer.alloc(200_000))).to.equal(400);
        });

        it(`without one is answered: ${path}`, async () => {
            expect(await head(path, undefined)).to.equal(status);
        });
    }
});
