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
    /** Common names of the subject. Default: the first host. */
    names?: readonly string[];
    /** Who signs it. Default: itself. */
    ca?: TestCertificate;
    /** What its owner may show it for. Default: server. */
    usage?: "server" | "client";
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
    const { hosts = LOOPBACK, notBefore = new Date(Date.now() - 60_000), notAfter = inDays(1), ca } = options;
    const names = options.names ?? [hosts[0] ?? "test"];
    const authority = ca === undefined;
    const altNames = hosts.map((host) =>
        /^[\d.]+$|:/.test(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host }
    );
    const subject = names.map((value) => ({ name: "commonName", value }));
    const { private: key, cert } = await generate(subject, {
        keyType: "ec",
        algorithm: "sha256",
        notBeforeDate: notBefore,
        notAfterDate: notAfter,
        ...(ca && { ca }),
        extensions: [
            { name: "basicConstraints", cA: authority, critical: true },
            { name: "keyUsage", digitalSignature: true, keyCertSign: authority, critical: true },
            // An authority signs for both
            {
                name: "extKeyUsage",
                serverAuth: authority || options.usage !== "client",
                clientAuth: authority || options.usage === "client",
            },
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

/** An authority, as a site has one for its clients. */
export function certificateAuthority(name = "Test authority"): Promise<TestCertificate> {
    return makeCertificate({ names: [name], hosts: ["authority.example"] });
}

/** The certificate of a client: its common names, and when it ends or begins if not a day from now or a minute ago. */
export function clientCertificate(
    ca: TestCertificate,
    names: string | readonly string[],
    options: Pick<CertificateOptions, "notBefore" | "notAfter" | "usage"> = {}
): Promise<TestCertificate> {
    return makeCertificate({ usage: "client", ...options, ca, names: typeof names === "string" ? [names] : names });
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
