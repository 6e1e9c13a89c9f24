/** Password hashes: argon2id, with a library that is loaded when the first password is hashed or checked. */
import type * as Argon2 from "@node-rs/argon2";

/** The parameters that OWASP recommends for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** A hash of no known password with the same cost, so that an unknown user takes as long as a wrong password. */
const DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$4d0h9NVjrnvUrx1jUrjb3g$p8vXGmUlqtYeWbm7NxHUVWmqzR4zyyE0lXY8e2N0tIs";

const HASH_PATTERN = /^\$argon2id\$v=19\$m=\d{1,10},t=\d{1,10},p=\d{1,3}\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$/;

let library: Promise<typeof Argon2> | undefined;

function loadArgon2(): Promise<typeof Argon2> {
    library ??= import("@node-rs/argon2");
    return library;
}

/** True for the PHC string of an argon2id hash, which is what `passwordHash` must be. */
export function isPasswordHash(text: string): boolean {
    return HASH_PATTERN.test(text);
}

/** Hashes a password with a fresh salt; the result is a PHC string. */
export async function hashPassword(password: string): Promise<string> {
    const { hash } = await loadArgon2();
    return hash(password, COST);
}

/**
 * Tells whether a password fits a hash. Without a hash (no such user) the answer is no, after the same work.
 * @param passwordHash PHC string of an argon2id hash
 */
export async function verifyPassword(passwordHash: string | undefined, password: string): Promise<boolean> {
    const { verify } = await loadArgon2();
    const fits = await verify(passwordHash ?? DUMMY_HASH, password);
    return fits && passwordHash !== undefined;
}
