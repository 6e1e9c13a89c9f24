import { expect } from "chai";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_DIALECTS } from "../../lib/converters/dialects";
import { SseScError } from "../../lib/errors";
import { readClientConfig } from "../../src/client-config";
import { SseScClientFactory, SseScPlainClientFactory } from "../../src/sse-sc-client-factory";
import { certificate, certificateAuthority, clientCertificate, temporaryFolder } from "../support/certificates";

describe("client configuration", () => {
    const account = { username: "alice", password: "secret" };

    const BAD: readonly (readonly [string, object])[] = [
        ["port", { port: 1 }],
        ["requestTimeout", { requestTimeout: -1 }],
        ["requestTimeout", { requestTimeout: "60s" }],
        ["connectTimeout", { connectTimeout: 0 }],
        ["idleTimeout", { idleTimeout: 0.5 }],
        ["reconnect", { reconnect: 5 }],
        ["reconnect.factor", { reconnect: { factor: 2 } }],
        ["reconnect.min", { reconnect: { min: 500, max: 100 } }],
        ["httpVersion", { httpVersion: 3 }],
        ["allowSelfSigned", { allowSelfSigned: "yes" }],
        ["caCert", { caCert: "/does/not/exist.pem" }],
        ["caCert", { caCert: [] }],
        ["caCert", { caCert: "-----BEGIN NOTHING-----" }],
        ["caCert", { caCert: "/does/not/exist.pem", allowSelfSigned: true }],
        ["credentials", { credentials: [] }],
        ['credentials["host:8444"]', { credentials: { "host:8444": account } }],
        ['credentials["https://host/path"]', { credentials: { "https://host/path": account } }],
        ['credentials["http://host"]', { credentials: { "http://host": account } }],
        ['credentials["sse://host"]', { credentials: { "https://host": account, "sse://host": account } }],
        ['credentials["https://host"]', { credentials: { "https://host": { username: "alice" } } }],
        ['credentials["https://host"]', { credentials: { "https://host": { ...account, token: "t" } } }],
        ['credentials["https://host"]', { credentials: { "https://host": { token: "two words" } } }],
        ['credentials["https://host"]', { credentials: { "https://host": { clientCert: "cert.pem" } } }],
        ['credentials["https://host"]', { credentials: { "https://host": { ...account, clientCert: "cert.pem" } } }],
        ["clientCert", { credentials: { "https://host": { clientCert: "/does/not/exist.pem", clientKey: "x" } } }],
    ];
    for (const [name, config] of BAD) {
        it(`names ${name} when it refuses ${JSON.stringify(config)}`, () => {
            expect(() => new SseScClientFactory(config))
                .to.throw(SseScError, name)
                .with.property("code", "INVALID_CONFIG");
        });
    }

    it("refuses what has no use without TLS", () => {
        for (const config of [{ caCert: "x" }, { allowSelfSigned: true }, { httpVersion: 2 }] as object[]) {
            expect(() => new SseScPlainClientFactory(config)).to.throw(SseScError, Object.keys(config)[0]);
        }
        expect(() => new SseScPlainClientFactory({ credentials: { "https://host": account } })).to.throw("without TLS");
    });

    it("never shows a password in an error", () => {
        expect(() => new SseScClientFactory({ credentials: { "https://host": { password: "geheim" } as never } }))
            .to.throw(SseScError)
            .with.property("message")
            .that.does.not.include("geheim");
    });

    it("has the defaults of design.md", () => {
        expect(readClientConfig({}, true)).to.deep.equal({
            ca: undefined,
            rejectUnauthorized: true,
            httpVersion: undefined,
            credentials: new Map(),
            requestTimeout: 60_000,
            connectTimeout: 10_000,
            idleTimeout: 60_000,
            reconnect: { min: 100, max: 15_000 },
            pingInterval: 30_000,
            tokenRefreshInterval: 3_600_000,
            maxDepth: 64,
            dialects: DEFAULT_DIALECTS,
            hub: undefined,
        });
    });

    it("takes certificates as text, as a path, and several", async () => {
        const { cert } = await certificate();
        const path = join(temporaryFolder(), "client-config-ca.pem");
        writeFileSync(path, cert);
        expect(readClientConfig({ caCert: [cert, path] }, true).ca).to.deep.equal([cert, cert]);
        expect(readClientConfig({ caCert: path }, true).ca).to.deep.equal([cert]);
    });

    it("takes a client certificate as text or path, with its common name, and refuses what does not belong together", async () => {
        const ca = await certificateAuthority();
        const [one, two] = [await clientCertificate(ca, "device-1"), await clientCertificate(ca, ["a", "b"])];
        const read = (given: object): unknown =>
            readClientConfig({ credentials: { "https://host": given as never } }, true).credentials.get("https://host");
        const expected = { clientCert: one.cert, clientKey: one.key, clientId: "device-1" };
        expect(read({ clientCert: one.cert, clientKey: one.key })).to.deep.equal(expected);
        expect(read({ clientCert: one.certFile, clientKey: one.keyFile })).to.deep.equal(expected);
        expect(read({ ...expected, clientId: "other" })).to.deep.equal({ ...expected, clientId: "other" });
        expect(read({ clientCert: two.cert, clientKey: two.key })).to.not.have.property("clientId");
        expect(() => read({ clientCert: one.cert, clientKey: two.key })).to.throw(
            SseScError,
            "clientKey is not the key"
        );
        expect(() => read({ clientCert: one.key, clientKey: one.key })).to.throw(SseScError, '"clientCert" holds no');
        expect(() => read({ clientCert: one.cert, clientKey: one.cert })).to.throw(SseScError, '"clientKey" holds no');
        const plain = { credentials: { "http://host": { clientCert: one.cert, clientKey: one.key } } };
        expect(() => new SseScPlainClientFactory(plain)).to.throw(SseScError, "needs TLS");
    });

    it("takes origins in either spelling", () => {
        const { credentials } = readClientConfig({ credentials: { "sse://Host:8444": account } }, true);
        expect([...credentials]).to.deep.equal([["https://host:8444", account]]);
    });
});
