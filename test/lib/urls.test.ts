/** URLs whose characters are Latin-1, which `URL.canParse` of Node 20 judges wrongly once it is compiled. */
import { connect } from "node:net";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { parseUrl } from "../../lib/urls";
import { normalizeThingDescription } from "../../src/things/normalizer";
import { SetUp } from "../support/set-ups";

/** Bytes of UTF-8 as the Host header has them: the middle one is no letter. */
const NO_HOST = "\u00e3\u00a7\u0080x";
const HOT = 200_000;

describe("URLs of Latin-1", () => {
    it("are told from what is none, however often", () => {
        for (let n = 0; n < HOT; n++) parseUrl("http://host/");
        expect(parseUrl(`http://${NO_HOST}`)).to.equal(undefined);
        expect(parseUrl("http://\u00e9/")?.host).to.equal("xn--9ca");
        expect(parseUrl("x", "http://host/y/")?.href).to.equal("http://host/y/x");
        expect(parseUrl("x")).to.equal(undefined);
    });

    it("are the base of a TD, or refused with INVALID_TD", () => {
        const of = (base: string): unknown =>
            normalizeThingDescription({
                id: "urn:x",
                title: "x",
                base,
                properties: { p: { forms: [{ href: "y", op: "readproperty" }] } },
            });
        for (let n = 0; n < 10_000; n++) of("http://host/");
        expect(() => of(`http://${NO_HOST}`))
            .to.throw(SseScError)
            .with.property("code", "INVALID_TD");
        expect(() => of("http://\u00e9/")).not.to.throw();
    });

    it("do no harm as the host of a request", async () => {
        const setUp = await SetUp.start({ secure: false, things: [] });
        try {
            const one = `GET /.well-known/wot HTTP/1.1\r\nhost: ${NO_HOST}\r\n\r\n`;
            // Often enough that whatever judges the host is compiled
            const count = 4_000;
            const socket = connect({ port: setUp.port, host: "127.0.0.1" });
            let received = "";
            socket.setEncoding("latin1").on("data", (text: string) => (received += text));
            const closed = new Promise((resolve) => socket.once("close", resolve));
            for (let n = 0; n < count; n++) socket.write(one, "latin1");
            socket.end(one.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n"), "latin1");
            await closed;
            expect(received).to.match(/^HTTP\/1\.1 200 /);
            expect(received).not.to.match(/HTTP\/1\.1 [45]/);
        } finally {
            await setUp.stop();
        }
    });
});
