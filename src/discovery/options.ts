/** The options of an announcement: their type and their check. */
import { isIPv4 } from "node:net";
import { SseScError } from "../../lib/errors";
import { isRecord } from "../../lib/json";
import { MAX_LABEL } from "./announcement";

/** How a server announces itself on the local network. */
export interface AnnounceOptions {
    /**
     * Instance name that people see, at most 63 bytes and without a dot. Default: host name and port. If another server on the network
     * has it, a number is added.
     */
    name?: string;
    /** IPv4 address of the network interface to announce on. Default: that of `address`, else all. */
    interface?: string;
}

/**
 * Checks the option `announce`.
 * @returns `undefined` if nothing is to be announced
 * @throws SseScError INVALID_CONFIG naming what is unknown or wrong
 */
export function readAnnounce(value: unknown): AnnounceOptions | undefined {
    if (value === undefined || value === false) return undefined;
    if (value === true) return {};
    if (!isRecord(value)) throw invalid("announce", "must be true, false or { name, interface }");
    const { name, interface: address, ...unknown } = value;
    for (const option of Object.keys(unknown)) throw invalid(`announce.${option}`, "is not an option of SseScServer");
    if (name !== undefined && !isInstanceName(name)) {
        throw invalid(
            "announce.name",
            `must be a text of 1 to ${String(MAX_LABEL)} bytes without dots and control characters`
        );
    }
    if (address !== undefined && !isAddress(address)) {
        throw invalid("announce.interface", "must be an IPv4 address of this machine");
    }
    return { ...(name !== undefined && { name }), ...(address !== undefined && { interface: address }) };
}

/** A dot would end the name: dns-packet has no way to write one inside. */
function isInstanceName(value: unknown): value is string {
    return (
        typeof value === "string" &&
        value.trim() !== "" &&
        Buffer.byteLength(value) <= MAX_LABEL &&
        !/[.\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(value)
    );
}

function isAddress(value: unknown): value is string {
    return typeof value === "string" && isIPv4(value);
}

function invalid(option: string, why: string): SseScError {
    return new SseScError("INVALID_CONFIG", `Option "${option}" ${why}`);
}
