/**
 * What a bearer token happens to show of itself.
 *
 * Tokens are opaque to a client (protocol.md, "Endpoints"): nothing here is needed, and nothing is verified. What a JWT or a PASETO
 * v4.public shows saves a guess: when to refresh, and whose it is.
 */
import { isRecord } from "../../lib/json";

/** What a token shows. */
export interface TokenClaims {
    /** Id of the client. */
    readonly clientId: string | undefined;
    /** End of its life in milliseconds since the epoch. */
    readonly expiresAt: number | undefined;
}

const PASETO_SIGNATURE = 64;

/** Reads what a token shows; nothing if it is opaque. */
export function readClaims(token: string): TokenClaims {
    const claims = payload(token);
    const text = (name: string): string | undefined => {
        const value = claims !== undefined && Object.hasOwn(claims, name) ? claims[name] : undefined;
        return typeof value === "string" && value !== "" ? value : undefined;
    };
    const exp = claims?.["exp"];
    // JWT: seconds (RFC 7519); PASETO: RFC 3339 text
    const time = typeof exp === "number" ? exp * 1000 : typeof exp === "string" ? Date.parse(exp) : Number.NaN;
    return { clientId: text("clientID") ?? text("sub"), expiresAt: Number.isFinite(time) ? time : undefined };
}

function payload(token: string): Record<string, unknown> | undefined {
    const parts = token.split(".");
    const [first, second, third = ""] = parts;
    let bytes: Buffer;
    if (first === "v4" && second === "public") bytes = Buffer.from(third, "base64url").subarray(0, -PASETO_SIGNATURE);
    else if (parts.length === 3) bytes = Buffer.from(second ?? "", "base64url");
    else return undefined;
    try {
        const json: unknown = JSON.parse(bytes.toString("utf8"));
        return isRecord(json) ? json : undefined;
    } catch {
        return undefined;
    }
}

/** True if a text can be a bearer token in a header (RFC 6750, section 2.1, and a little more). */
export function isToken(value: unknown): value is string {
    return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}
