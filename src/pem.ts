/** PEM texts in options: the text itself, or the path of a file that holds it. */
import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { SseScError } from "../lib/errors";

/**
 * The PEM text that an option means.
 * @param option its name, for the error
 * @throws SseScError INVALID_CONFIG naming the option if the file cannot be read
 */
export function readPem(option: string, pemOrPath: string): string {
    if (pemOrPath.includes("-----BEGIN ")) return pemOrPath;
    try {
        return readFileSync(pemOrPath, "utf8");
    } catch (cause) {
        throw new SseScError("INVALID_CONFIG", `Option "${option}" cannot be read`, { cause });
    }
}

/**
 * The PEM texts of the certificates that an option means.
 * @param value one path or PEM text, or an array of them
 * @throws SseScError INVALID_CONFIG naming the option if there is none, or what there is is no certificate
 */
export function readCertificates(option: string, value: unknown): readonly string[] {
    const entries: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (entries.length === 0) throw new SseScError("INVALID_CONFIG", `Option "${option}" is an empty array`);
    return entries.map((entry) => {
        if (typeof entry !== "string") {
            throw new SseScError("INVALID_CONFIG", `Option "${option}" is neither a path nor PEM text`);
        }
        const pem = readPem(option, entry);
        parseCertificate(option, pem);
        return pem;
    });
}

/** The first certificate of a PEM text. @throws SseScError INVALID_CONFIG naming the option if there is none */
export function parseCertificate(option: string, pem: string): X509Certificate {
    try {
        return new X509Certificate(pem);
    } catch (cause) {
        throw new SseScError("INVALID_CONFIG", `Option "${option}" holds no certificate`, { cause });
    }
}

/** The private key of a PEM text. @throws SseScError INVALID_CONFIG naming the option if there is none, or it has a passphrase */
export function parsePrivateKey(option: string, pem: string): KeyObject {
    try {
        return createPrivateKey(pem);
    } catch {
        throw new SseScError("INVALID_CONFIG", `Option "${option}" holds no private key`); // no cause: it may show the key
    }
}

/** The one common name of a certificate's subject; `undefined` if it has none, or several. */
export function commonName(certificate: X509Certificate): string | undefined {
    const { CN: name }: { CN?: unknown } = certificate.toLegacyObject().subject; // an array where there are several
    return typeof name === "string" ? name : undefined;
}
