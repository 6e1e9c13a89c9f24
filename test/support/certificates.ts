/** Certificates for tests, made on the spot: one good one per test run, others when a test asks. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generate } from "selfsigned";

/** A self-signed certificate, as PEM and as files. */
export interface TestCertificate {
    readonly key: string;
    readonly cert: string;
    readonly keyFile: string;
    readonly certFile: string;
}

interface CertificateOptions {
    /** Names and addresses that the certificate is for. */
    hosts?: readonly string[];
    notBefore?: Date;
    notAfter?: Date;
}

/** What the certificate of a test run covers. */
export const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "127.0.0.2", "::1"];

let folder: string | undefined;
let count = 0;
let shared: Promise<TestCertificate> | undefined;

/** Makes a certificate (P-256, valid for a day unless the options say otherwise). */
async function makeCertificate(options: CertificateOptions = {}): Promise<TestCertificate> {
    const { hosts = LOOPBACK, notBefore = new Date(Date.now() - 60_000), notAfter = inDays(1) } = options;
    const altNames = hosts.map((host) =>
        /^[\d.]+$|:/.test(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host }
    );
    const { private: key, cert } = await generate([{ name: "commonName", value: hosts[0] ?? "test" }], {
        keyType: "ec",
        algorithm: "sha256",
        notBeforeDate: notBefore,
        notAfterDate: notAfter,
        extensions: [
            { name: "basicConstraints", cA: true, critical: true },
            { name: "keyUsage", digitalSignature: true, keyCertSign: true, critical: true },
            { name: "extKeyUsage", serverAuth: true },
            { name: "subjectAltName", altNames },
        ],
    });
    const name = join(temporaryFolder(), `certificate-${String(++count)}`);
    const keyFile = `${name}.key.pem`;
    const certFile = `${name}.cert.pem`;
    writeFileSync(keyFile, key, { mode: 0o600 });
    writeFileSync(certFile, cert);
    return { key, cert, keyFile, certFile };
}

/** The certificate of this test run: good for every loopback address that the tests use. */
export function certificate(): Promise<TestCertificate> {
    shared ??= makeCertificate();
    return shared;
}

/** A certificate that ran out yesterday. */
export function expiredCertificate(): Promise<TestCertificate> {
    return makeCertificate({ notBefore: inDays(-2), notAfter: inDays(-1) });
}

/** A certificate for a host that no test runs on. */
export function otherHostCertificate(): Promise<TestCertificate> {
    return makeCertificate({ hosts: ["other.example"] });
}

function inDays(days: number): Date {
    return new Date(Date.now() + days * 86_400_000);
}

/** A folder for files of this test run; it goes when the process does. */
export function temporaryFolder(): string {
    if (folder === undefined) {
        const made = mkdtempSync(join(tmpdir(), "ssesc-test-"));
        folder = made;
        process.once("exit", () => {
            rmSync(made, { recursive: true, force: true });
        });
    }
    return folder;
}
