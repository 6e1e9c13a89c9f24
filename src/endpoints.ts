/** Under which host a server's TDs name it (design.md, "Things side"). */
import { isIP } from "node:net";
import { Helpers } from "@node-wot/core";
import { parseUrl } from "../lib/urls";
import { isLoopback, type ServerSettings } from "./config";
import { httpUrlOf, type Endpoint } from "./things/forms";

/** Paths of a server, as they stand in TDs. */
export interface EndpointPaths {
    readonly streamPath: string;
    readonly requestPath: string;
}

/** Knows the endpoint for forms, and the one that fits the host that a client used. */
export class Endpoints {
    readonly #default: Endpoint;
    /** That of the default, as the URL parser writes it. */
    readonly #origin: string;

    constructor(
        private readonly settings: ServerSettings,
        paths: EndpointPaths,
        port: number
    ) {
        const { baseUri } = settings;
        this.#default =
            baseUri === undefined
                ? {
                      ...paths,
                      scheme: settings.tls === undefined ? "sse-plain" : "sse",
                      authority: this.#ownAuthority(port),
                      basePath: "",
                  }
                : {
                      scheme: baseUri.protocol === "https:" ? "sse" : "sse-plain",
                      authority: baseUri.host,
                      basePath: baseUriPath(baseUri),
                      streamPath: baseUriPath(baseUri) + paths.streamPath,
                      requestPath: baseUriPath(baseUri) + paths.requestPath,
                  };
        this.#origin = new URL(httpUrlOf(this.#default)).origin;
    }

    /** The endpoint for the forms of Things. */
    get default(): Endpoint {
        return this.#default;
    }

    /**
     * The endpoint for a client that asked for this host.
     * @param host value of the Host header or of `:authority`
     */
    forHost(host: string | undefined): Endpoint {
        if (this.settings.baseUri !== undefined || host === undefined) return this.#default;
        // Only a bare authority, and as the URL parser writes it: what else a client puts there must not get into a TD. The scheme
        // makes the parser drop the port that clients take by default.
        const text = `${this.settings.tls === undefined ? "http" : "https"}://${host}`;
        const url = parseUrl(text);
        if (url === undefined || url.username !== "" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
            return this.#default;
        }
        if (!this.#covers(bareHost(url))) return this.#default;
        return { ...this.#default, authority: url.host };
    }

    /** True if an http(s) origin leads to this server. */
    reaches(origin: string): boolean {
        if (origin === this.#origin) return true;
        const { protocol, host, port } = new URL(origin);
        const own = new URL(this.#origin);
        return protocol === own.protocol && port === own.port && this.forHost(host).authority === host;
    }

    /** True if clients can trust that this name is us: the certificate says so, or, without TLS, it is our own address. */
    #covers(host: string): boolean {
        const { tls, address } = this.settings;
        if (tls !== undefined) return covers(tls.certificate, host);
        if (address !== undefined && isLoopback(address)) return isLoopback(host);
        return isLoopback(host) || Helpers.getAddresses().includes(host);
    }

    #ownAuthority(port: number): string {
        const { tls } = this.settings;
        const bound = boundAddress(this.settings);
        const candidates = bound === undefined ? [...Helpers.getAddresses(), "localhost"] : [bound];
        const covered = candidates.find(
            (host) => tls === undefined || covers(tls.certificate, host.replace(/^\[|\]$/g, ""))
        );
        const host = covered ?? candidates[0] ?? "localhost";
        return `${isIP(host) === 6 ? `[${host}]` : host}:${String(port)}`;
    }
}

/** The one address that a server binds; `undefined` if it binds all. */
export function boundAddress({ address }: ServerSettings): string | undefined {
    return address === "0.0.0.0" || address === "::" ? undefined : address;
}

/** The host of a URL, an IPv6 address without its brackets. */
export function bareHost({ hostname }: URL): string {
    return hostname.replace(/^\[|\]$/g, "");
}

/** True if a certificate is good for this name or address. */
export function covers(certificate: NonNullable<ServerSettings["tls"]>["certificate"], host: string): boolean {
    return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** What comes ahead of a server's paths in the URLs below `baseUri`; no slash at its end. */
export function baseUriPath(baseUri: URL): string {
    return baseUri.pathname.replace(/\/+$/, "");
}
