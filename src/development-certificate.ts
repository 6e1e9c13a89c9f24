/** A certificate made on the spot, for development and demonstrations. */
import { isIP } from "node:net";
import { SseScError } from "../lib/errors";

/** A key and its self-signed certificate, both PEM texts. */
export interface DevelopmentCertificate {
    /** For the server: `serverKey`. */
    readonly key: string;
    /** For the server: `serverCert`; for clients: `caCert`. */
    readonly cert: string;
}

/** Days until the certificate ends. */
const VALID_DAYS = 30;

/**
 * Makes a self-signed certificate that is valid for 30 days. Clients trust it when it is their `caCert`.
 * @param hosts names and addresses of the server. Default: `localhost`, `127.0.0.1` and `::1`
 * @throws SseScError INVALID_CONFIG if `hosts` is empty
 */
export async function createDevelopmentCertificate(
    hosts: readonly string[] = ["localhost", "127.0.0.1", "::1"]
): Promise<DevelopmentCertificate> {
    const [commonName] = hosts;
    if (commonName === undefined) throw new SseScError("INVALID_CONFIG", "hosts must not be empty");
    const { generate } = await import("selfsigned");
    const { private: key, cert } = await generate([{ name: "commonName", value: commonName }], {
        keyType: "ec",
        curve: "P-256",
        notAfterDate: new Date(Date.now() + VALID_DAYS * 24 * 60 * 60 * 1000),
        extensions: [
            { name: "basicConstraints", cA: true },
            {
                name: "subjectAltName",
                altNames: hosts.map((host) =>
                    isIP(host) === 0 ? { type: 2 as const, value: host } : { type: 7 as const, ip: host }
                ),
            },
        ],
    });
    return { key, cert };
}
