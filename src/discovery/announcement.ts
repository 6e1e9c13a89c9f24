/** What is announced, and the DNS records that say so (RFC 6763; WoT Discovery, "DNS-Based Service Discovery"). */
import { isIPv4 } from "node:net";
import type { Answer } from "dns-packet";

/** Service type of everything that serves a TD. */
export const SERVICE = "_wot._tcp.local";
/** Subtype of directories: each of them is found under `SERVICE` as well. */
export const DIRECTORY_SERVICE = "_directory._sub._wot._tcp.local";
/** Lists service types, for programs that browse everything. */
const ALL_SERVICES = "_services._dns-sd._udp.local";

/** Where a TD is if nothing else is said. */
export const WELL_KNOWN_PATH = "/.well-known/wot";

/** Bytes of one label of a DNS name. */
export const MAX_LABEL = 63;

/** Seconds that others may remember a record: those that name a host, and others (RFC 6762, section 10). */
const HOST_TTL = 120;
export const OTHER_TTL = 4_500;

/** What somebody announces: a Thing's TD, or a directory's. */
export interface Announcement {
    /** Instance name for people. Another of that name on the network makes it `name (2)`, and so on. */
    readonly name: string;
    readonly type: "Thing" | "Directory";
    readonly scheme: "https" | "http";
    /** Host name under which it is reached. */
    readonly host: string;
    readonly port: number;
    /** Absolute path of the TD. */
    readonly td: string;
    /**
     * Addresses of `host` at this moment; none if DNS knows them.
     * @param on IPv4 address of the interface on which they are told: there they should lead to us
     */
    readonly addresses: (on: string) => readonly string[];
    /** IPv4 address of the interface to announce on. Default: all. */
    readonly interface: string | undefined;
}

/** Full name of the instance. */
export function instanceName(name: string): string {
    return `${name}.${SERVICE}`;
}

/** `name (number)`, as long as a label may be. */
export function numbered(name: string, number: number): string {
    if (number === 1) return name;
    const characters = Array.from(name);
    const text = (): string => `${characters.join("")} (${String(number)})`;
    while (Buffer.byteLength(text()) > MAX_LABEL) characters.pop();
    return text();
}

/**
 * The records of an announcement.
 * @param name its instance name, as it stands now
 * @param on IPv4 address of the interface on which they are told
 */
export function recordsOf(announcement: Announcement, name: string, on: string): Answer[] {
    const { type, scheme, host, port, td } = announcement;
    const instance = instanceName(name);
    const pointer = (service: string, data: string): Answer => ({ type: "PTR", name: service, ttl: OTHER_TTL, data });
    return [
        pointer(SERVICE, instance),
        ...(type === "Directory" ? [pointer(DIRECTORY_SERVICE, instance)] : []),
        pointer(ALL_SERVICES, SERVICE),
        { type: "SRV", name: instance, ttl: HOST_TTL, flush: true, data: { target: host, port } },
        {
            type: "TXT",
            name: instance,
            ttl: OTHER_TTL,
            flush: true,
            data: [`td=${td}`, `type=${type}`, `scheme=${scheme}`],
        },
        // No flush: the machine's own responder may know more addresses of this host
        ...announcement
            .addresses(on)
            .map((data): Answer => ({ type: isIPv4(data) ? "A" : "AAAA", name: host, ttl: HOST_TTL, data })),
    ];
}

/** The same records with the end of their life: "goodbye" (RFC 6762, section 10.1). Others may share those that stay out. */
export function goodbye(records: readonly Answer[]): Answer[] {
    return records.flatMap((record) => {
        const isShared = record.name === ALL_SERVICES || record.type === "A" || record.type === "AAAA";
        return isShared ? [] : [{ ...record, ttl: 0 }];
    });
}

/** Equal for names that DNS does not tell apart. */
export function nameKey(name: string): string {
    return name.replace(/\.$/, "").toLowerCase();
}
