/** What the processes of one test of restarts agree on. */
export const CREDENTIALS = {
    agent: { username: "agent1", password: "password of the agent" },
    consumer: { username: "consumer1", password: "password of the consumer" },
} as const;

export const ACCOUNTS = [
    { ...CREDENTIALS.agent, role: "device" },
    { ...CREDENTIALS.consumer, role: "operator" },
] as const;

/** Short waiting: the tests kill processes all the time. */
export const FAST = { min: 20, max: 200 } as const;

/** Tells a hub to replace its signing key. */
export const ROTATE = "*";

/** The password of all accounts of the tests of persistence, and its hash: making one takes long. */
export const PASSWORD = "password of all";
export const PASSWORD_HASH =
    "$argon2id$v=19$m=19456,t=2,p=1$LfKiD+6FRoV3CeQDYYIzDQ$tY0OqN5OEo80KotZZ+4c8c+QJbDJ23huJINHnvwRv/Q";
