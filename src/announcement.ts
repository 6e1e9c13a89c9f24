/** How a server announces itself on the local network, as its configuration has it. */
import { isIP, isIPv4 } from "node:net";
import { hostname } from "node:os";
import { isLoopback, type ServerSettings } from "./config";
import { MAX_LABEL, WELL_KNOWN_PATH, type Announcement } from "./discovery/announcement";
import { reachableAddresses } from "./discovery/interfaces";
import { bareHost, boundAddress, covers } from "./endpoints";
import { httpUrlOf, type Endpoint } from "./things/forms";

/**
 * The announcement of a server's TD at its well-known path.
 * @param endpoint that of its forms
 * @param type what the TD is: a Thing's, or a directory's
 * @returns `undefined` if the server is not to announce itself
 */
export function announcementOf(
    settings: ServerSettings,
    endpoint: Endpoint,
    type: Announcement["type"]
): Announcement | undefined {
    const { announce } = settings;
    if (announce === undefined) return undefined;
    const url = new URL(httpUrlOf(endpoint));
    const scheme = url.protocol === "https:" ? "https" : "http";
    const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
    const host = bareHost(url);
    const bindsAll = settings.baseUri === undefined && boundAddress(settings) === undefined;
    const isName = !bindsAll && isIP(host) === 0;
    const machine = machineName();
    return {
        name: announce.name ?? `${machine.slice(0, MAX_LABEL - 6)}-${String(port)}`,
        type,
        scheme,
        // A name that the user gave is what clients are to use: whoever finds it asks DNS for its address
        host: isName ? host : `${machine}.local`,
        port,
        td: `${endpoint.basePath}${WELL_KNOWN_PATH}`,
        addresses: (on) => (isName ? [] : bindsAll ? coveredAddresses(settings, on) : [host]),
        interface: announce.interface ?? (bindsAll ? undefined : interfaceFor(settings, host)),
    };
}

/** What is bound to one address is announced there alone; what is reached on loopback concerns nobody else. */
function interfaceFor({ baseUri }: ServerSettings, host: string): string | undefined {
    if (isLoopback(host)) return "127.0.0.1";
    return baseUri === undefined && isIPv4(host) ? host : undefined;
}

/** Addresses that the certificate is good for, if there are such: others would be refused by every client. */
function coveredAddresses({ tls }: ServerSettings, on: string): readonly string[] {
    const addresses = reachableAddresses(on);
    if (tls === undefined) return addresses;
    for (const candidates of [addresses, reachableAddresses(undefined)]) {
        const covered = candidates.filter((address) => covers(tls.certificate, address));
        if (covered.length > 0) return covered;
    }
    return addresses;
}

/** The first label of this machine's name, of the letters that a host name may have. */
function machineName(): string {
    const [label = ""] = hostname().split(".");
    return (
        label
            .replace(/[^a-z\d-]/gi, "-")
            .replace(/^-+/, "")
            .slice(0, MAX_LABEL) || "wot"
    );
}
