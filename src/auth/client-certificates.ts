/**
 * Who the TLS client certificate of a connection says that its client is: the common name of the subject (protocol.md, "Endpoints").
 *
 * OpenSSL has verified the certificate in the handshake, or has not: the listener lets both in. It is read once per connection, for
 * that costs as much as a small request.
 */
import { isRecord } from "../../lib/json";
import { isClientId } from "./account-config";
import type { AuthRequest } from "./request";
import type { Credential } from "./strategy";

/** Reads certificates of connections. */
export class ClientCertificates {
    /** By connection: the socket of HTTP/1, the session of HTTP/2, whose requests all have a socket object of their own. */
    readonly #known = new WeakMap<object, Credential | "none">();
    #reads = 0;

    /** How many certificates were read. */
    get reads(): number {
        return this.#reads;
    }

    /** What the certificate behind a request says; `undefined` if there is none that is trusted and valid now. */
    credentialOf(request: AuthRequest): Credential | undefined {
        const connection = request.stream?.session ?? request.socket;
        if (connection === undefined) return undefined;
        let credential = this.#known.get(connection);
        if (credential === undefined) this.#known.set(connection, (credential = this.#read(request.socket)));
        if (credential === "none") return undefined;
        // It may end while the connection lives, and a resumed TLS session is not verified again
        return (credential.expiresAt ?? 0) <= Date.now() ? undefined : credential;
    }

    #read(socket: AuthRequest["socket"]): Credential | "none" {
        if (socket?.authorized !== true) return "none";
        this.#reads += 1;
        // A resumed session of TLS 1.3 is `authorized` even where its client never had a certificate: then this is an empty object
        const certificate = socket.getPeerCertificate?.();
        if (!isRecord(certificate) || !isRecord(certificate["subject"])) return "none";
        // Several common names make an array, and none of them is the client's
        const clientId = certificate["subject"]["CN"];
        const expiresAt = Date.parse(String(certificate["valid_to"]));
        if (typeof clientId !== "string" || !isClientId(clientId) || Number.isNaN(expiresAt)) return "none";
        return { clientId, expiresAt };
    }
}
