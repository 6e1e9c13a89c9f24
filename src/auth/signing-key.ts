/** The key that signs the tokens: made once, kept in the store, so that tokens outlive a restart. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import { SseScError } from "../../lib/errors";
import { openSublevel, SYNC, type AuthStore } from "./store";

/** What signs tokens and what checks them. */
export interface SigningKey {
    readonly privateKey: KeyObject;
    readonly publicKey: KeyObject;
    /** The longest lifetime in milliseconds that any token signed with this key was given. */
    readonly longestLifetime: number;
}

const generate = promisify(generateKeyPair);

async function makeKey(): Promise<string> {
    const { privateKey } = await generate("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function parseKey(pem: string): KeyObject {
    try {
        return createPrivateKey(pem);
    } catch {
        throw new SseScError("INTERNAL", "The stored signing key is damaged"); // no cause: it may show the key
    }
}

/**
 * Reads the P-256 key out of the sublevel `keys` (PKCS8 PEM), or makes one and keeps it there.
 * @param lifetime what tokens are given from now on, in milliseconds
 * @throws SseScError `INTERNAL` if the stored key is damaged
 */
export async function openSigningKey(store: AuthStore, lifetime: number): Promise<SigningKey> {
    const records = await openSublevel(store, "keys");
    let pem = await records.get("signing");
    if (pem === undefined) {
        pem = await makeKey();
        await records.put("signing", pem, SYNC);
    }
    const stored = Number((await records.get("longestLifetime")) ?? 0);
    const longestLifetime = Math.max(stored, lifetime);
    if (longestLifetime !== stored) await records.put("longestLifetime", String(longestLifetime), SYNC);
    await records.close();
    const privateKey = parseKey(pem);
    return { privateKey, publicKey: createPublicKey(privateKey), longestLifetime };
}
