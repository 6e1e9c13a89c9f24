/** The network interfaces of this machine, as discovery uses them. */
import { BlockList, isIP, isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";

/** Interfaces that are used at once; a machine with containers can have hundreds. */
const MAX_INTERFACES = 16;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/** Addresses that lead nowhere without knowing more: unspecified, link-local (they need a zone) and multicast. */
const UNUSABLE = new BlockList();
UNUSABLE.addSubnet("0.0.0.0", 8, "ipv4");
UNUSABLE.addSubnet("224.0.0.0", 3, "ipv4");
UNUSABLE.addAddress("::", "ipv6");
UNUSABLE.addSubnet("fe80::", 10, "ipv6");
UNUSABLE.addSubnet("ff00::", 8, "ipv6");

function isIn(list: BlockList, address: string): boolean {
    return list.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

/** True for an address of the loopback range. */
export function isLoopbackAddress(address: string): boolean {
    return isIP(address) !== 0 && isIn(LOOPBACK, address);
}

/** True for an IP address that a URL can name and a client can connect to. */
export function isUsable(address: string): boolean {
    return isIP(address) !== 0 && !address.includes("%") && !isIn(UNUSABLE, address);
}

/** Addresses of this machine, those of loopback included. */
export function ownAddresses(): Set<string> {
    return new Set(
        Object.values(networkInterfaces())
            .flatMap((addresses) => addresses ?? [])
            .map(({ address }) => address)
    );
}

/**
 * The IPv4 addresses of the interfaces to speak on: the given one, or one for each network; loopback where there is no network, so that
 * the programs of one machine find each other.
 */
export function multicastInterfaces(only: string | undefined): string[] {
    if (only !== undefined) return [only];
    const found = Object.values(networkInterfaces())
        .map((addresses) => addresses?.find(({ family, internal }) => family === "IPv4" && !internal)?.address)
        .filter((address) => address !== undefined);
    return found.length === 0 ? ["127.0.0.1"] : found.slice(0, MAX_INTERFACES);
}

/**
 * Addresses under which other machines reach this one, IPv4 first.
 * @param only an address: those of its interface alone
 */
export function reachableAddresses(only: string | undefined): string[] {
    if (only !== undefined && isLoopbackAddress(only)) return [only];
    const addresses = Object.values(networkInterfaces())
        .map((ofInterface) => (ofInterface ?? []).filter(({ internal }) => !internal))
        .filter((ofInterface) => only === undefined || ofInterface.some(({ address }) => address === only))
        .flat()
        .map(({ address }) => address)
        .filter(isUsable);
    return addresses.sort((one, other) => isIP(one) - isIP(other));
}
