/** What counts as one address where limits are per address. */

/**
 * The key of an address as sockets tell it: an IPv4 address, also where it is written as an IPv6 one (RFC 4291, section 2.5.5.2); of an IPv6
 * address the network of 64 bits, which is the least that one host is given; `unknown` if there is none.
 */
export function addressKey(remoteAddress: string | undefined): string {
    const address = (remoteAddress ?? "unknown").toLowerCase();
    const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
    if (mapped !== undefined) return mapped;
    return address.includes(":") ? networkOf(address) : address;
}

/** The first four of the eight groups of an IPv6 address. */
function networkOf(address: string): string {
    const [head = "", tail] = address.replace(/%.*$/, "").split("::");
    const front = head === "" ? [] : head.split(":");
    const back = tail === undefined || tail === "" ? [] : tail.split(":");
    const zeros = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
    return [...front, ...zeros, ...back].slice(0, 4).join(":");
}
