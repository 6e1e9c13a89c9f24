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
