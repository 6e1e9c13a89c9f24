/**
 * What was found: an announcement that somebody on the network sent, checked member by member.
 *
 * Anybody can send anything here, so nothing goes into a URL but what cannot change its meaning.
 */
import { isIPv6 } from "node:net";
import { MAX_LABEL, SERVICE, WELL_KNOWN_PATH } from "./announcement";
import { isLoopbackAddress, isUsable } from "./interfaces";

/** A TD that somebody announces on the local network. */
export interface FoundService {
    /** Instance name for people. Whoever announces chooses it. */
    readonly name: string;
    /** URL of the TD: at the first of `addresses`, or at `host` where none is known. */
    readonly url: string;
    /** Whether the TD is that of a Thing or of a directory of Things. */
    readonly type: "Thing" | "Directory";
    readonly scheme: "https" | "http";
    /** Host name, such as `kitchen.local`. */
    readonly host: string;
    /** IP addresses of the host that can be used in URLs, IPv4 first; at most 8. */
    readonly addresses: readonly string[];
    readonly port: number;
    /** All TXT keys, in lower case, with their values. */
    readonly txt: Readonly<Record<string, string>>;
}

/** Records of one instance, as they came. */
export interface ServiceRecords {
    /** Full name of the instance, which ends in `SERVICE`. */
    readonly instance: string;
    readonly target: string;
    readonly port: number;
    readonly txt: readonly Uint8Array[];
    readonly addresses: readonly string[];
    /** True if this machine sent them: what others say about loopback leads to the wrong machine. */
    readonly isOwn: boolean;
}

const MAX_ADDRESSES = 8;
/** Bytes of all TXT strings together that are read (RFC 6763, section 6.2, advises against more). */
const MAX_TXT = 1_300;

/** Path of a URL (RFC 3986, section 3.3), not beginning with the two slashes that name a host. */
const ABSOLUTE_PATH = /^\/(?!\/)(?:[\w\-.~!$&'()*+,;=:@/]|%[\da-f]{2})*$/i;
const HOST_NAME = /^(?=.{1,253}$)[a-z\d_](?:[a-z\d_-]{0,62})(?:\.[a-z\d_][a-z\d_-]{0,62})*$/i;
/** Keys of TXT records (RFC 6763, section 6.4): printable ASCII. */
const TXT_KEY = /^[\x20-\x3c\x3e-\x7e]+$/;
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** The announcement that records make; `undefined` if something in them is not as it must be. */
export function readService({
    instance,
    target,
    port,
    txt,
    addresses,
    isOwn,
}: ServiceRecords): FoundService | undefined {
    const name = readName(instance);
    const host = readHost(target, isOwn);
    const values = readTxt(txt);
    if (name === undefined || host === undefined || values === undefined || port === 0) return undefined;
    const { td = WELL_KNOWN_PATH, type = "Thing", scheme = "http" } = values;
    if (type !== "Thing" && type !== "Directory") return undefined;
    if (scheme !== "https" && scheme !== "http") return undefined;
    if (!ABSOLUTE_PATH.test(td)) return undefined;
    const usable = [...new Set(addresses)]
        .filter((address) => isUsable(address) && (isOwn || !isLoopbackAddress(address)))
        .sort((one, other) => Number(isIPv6(one)) - Number(isIPv6(other)))
        .slice(0, MAX_ADDRESSES);
    const [address = host] = usable;
    const { href } = new URL(`${scheme}://${isIPv6(address) ? `[${address}]` : address}:${String(port)}${td}`);
    return { name, url: href, type, scheme, host, addresses: usable, port, txt: values };
}

/** True for records whose host nobody can find but by asking for its address. */
export function needsAddress(target: string): boolean {
    return /\.local\.?$/i.test(target);
}

function readName(instance: string): string | undefined {
    const name = instance.slice(0, -(SERVICE.length + 1));
    return name === "" || Buffer.byteLength(name) > MAX_LABEL || CONTROL.test(name) ? undefined : name;
}

function readHost(target: string, isOwn: boolean): string | undefined {
    const host = target.replace(/\.$/, "").toLowerCase();
    // The URL parser takes a name whose last label is a number for an IPv4 address
    if (!HOST_NAME.test(host) || /(?:^|\.)(?:\d+|0x[\da-f]*)$/.test(host)) return undefined;
    return !isOwn && /(?:^|\.)localhost$/.test(host) ? undefined : host;
}

/** Of a key that comes twice the first one counts, and keys are the same in upper and lower case (RFC 6763, section 6.4). */
function readTxt(strings: readonly Uint8Array[]): Record<string, string> | undefined {
    if (strings.reduce((size, { length }) => size + length, 0) > MAX_TXT) return undefined;
    const values = new Map<string, string>();
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for (const bytes of strings) {
        let text: string;
        try {
            text = decoder.decode(bytes);
        } catch {
            return undefined;
        }
        const [, key = "", value = ""] = /^([^=]*)=?([^]*)$/.exec(text) ?? [];
        if (key === "") continue; // such a string is to be ignored
        if (!TXT_KEY.test(key) || CONTROL.test(value)) return undefined;
        if (!values.has(key.toLowerCase())) values.set(key.toLowerCase(), value);
    }
    return Object.fromEntries(values);
}
