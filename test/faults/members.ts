/** The processes of the fault suite: what their test tells them and hears from them, and how it starts and kills them. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { basename, join } from "node:path";
import type { SseScServerConfig } from "../../src/index";

/** Id of the Thing that a server has, or an agent at its hub. */
export const THING = "urn:faults:numbers";

export const CREDENTIALS = {
    agent: { username: "agent1", password: "password of the agent" },
    consumer: { username: "consumer1", password: "password of the consumer" },
} as const;

export const ACCOUNTS: SseScServerConfig["accounts"] = [
    { ...CREDENTIALS.agent, role: "device" },
    { ...CREDENTIALS.consumer, role: "manager" },
];

/** Short waiting: the suite breaks connections all the time. */
export const FAST = { min: 5, max: 100 } as const;

export interface MemberOptions {
    /** Path of its file of facts. */
    readonly facts: string;
    /** Port without TLS, and with TLS; 0 takes a free one. Servers and hubs have at least one. */
    readonly plain?: number;
    readonly secure?: number;
    readonly hub?: SseScServerConfig["hub"];
    /** URL of the hub: then it is an agent. */
    readonly agentOf?: string;
    /** Of an agent. Default: 2. */
    readonly httpVersion?: 1 | 2;
    readonly keyFile: string;
    readonly certFile: string;
    /** Folder of a server's store. Default: in memory. */
    readonly store?: string;
    /** Milliseconds. Default: 30,000. */
    readonly heartbeat?: number;
    /** Further options of a server. */
    readonly server?: Pick<SseScServerConfig, "maxConnections" | "maxConnectionsPerClient" | "maxStreamBacklog">;
}

/** What a member is told. */
export type Order =
    /** Emits an event and changes a property with each number; in bytes what the event carries besides. */
    | {
          readonly order: "emit";
          readonly scenario: string;
          readonly from: number;
          readonly count: number;
          /** Milliseconds between two numbers; 0: none. */
          readonly every: number;
          readonly size?: number;
          /** False if the property stays as it is. */
          readonly levels?: boolean;
      }
    /** Keeps its event loop busy. */
    | { readonly order: "stall"; readonly time: number }
    | { readonly order: "memory" };

/** What a member tells. */
export type Report =
    | { readonly report: "ports"; readonly plain?: number; readonly secure?: number }
    | { readonly report: "registered" }
    | { readonly report: "emitted"; readonly scenario: string; readonly last: number }
    | { readonly report: "executed"; readonly id: string }
    | { readonly report: "stalled" }
    | { readonly report: "memory"; readonly rss: number }
    | { readonly report: "outbox full"; readonly total: number };

/** A member as its test has it in hand. */
export class Member {
    private constructor(
        private readonly child: ChildProcess,
        readonly options: MemberOptions
    ) {}

    /** Starts it and waits for its first report. */
    static async start(options: MemberOptions): Promise<{ member: Member; first: Report }> {
        const child = fork(join(__dirname, "member.ts"), [JSON.stringify(options)], {
            execArgv: ["--import", "tsx", "--expose-gc"],
            stdio: ["ignore", "ignore", "inherit", "ipc"],
        });
        const member = new Member(child, options);
        child.setMaxListeners(100);
        const exit = once(child, "exit").then(([code]) => {
            throw new Error(`A member ended before it had started: ${String(code)}`);
        });
        const first = await Promise.race([once(child, "message"), exit]);
        exit.catch(() => undefined); // whoever kills it knows
        return { member, first: first[0] as Report };
    }

    /** Name of its file of facts. */
    get factFile(): string {
        return basename(this.options.facts);
    }

    order(order: Order): void {
        if (this.child.connected) this.child.send(order);
    }

    /** Its next report of that kind; rejects if it ends before. */
    next<R extends Report["report"]>(kind: R): Promise<Extract<Report, { report: R }>> {
        return new Promise((resolve, reject) => {
            const listen = (report: Report): void => {
                if (report.report !== kind) return;
                stop();
                resolve(report as Extract<Report, { report: R }>);
            };
            const ended = (): void => {
                stop();
                reject(new Error(`A member ended before it told: ${kind}`));
            };
            const stop = (): void => {
                this.child.off("message", listen);
                this.child.off("exit", ended);
            };
            this.child.on("message", listen);
            this.child.once("exit", ended);
        });
    }

    /** Stops its process: its sockets stay and it does nothing any more. */
    freeze(): void {
        this.child.kill("SIGSTOP");
    }

    thaw(): void {
        this.child.kill("SIGCONT");
    }

    async kill(): Promise<void> {
        if (this.child.exitCode !== null || this.child.signalCode !== null) return;
        const exit = once(this.child, "exit");
        this.child.kill("SIGKILL");
        await exit;
    }
}
