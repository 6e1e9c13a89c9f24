/** One scenario of the suite: its chance, its processes, its proxies, its consumers, and the verdict of the ledger at its end. */
import { setMaxListeners } from "node:events";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { ConnectionOptions } from "../../src/index";
import { certificate, temporaryFolder } from "../support/certificates";
import { isSecure, type Transport } from "../support/set-ups";
import { FaultConsumer } from "./consumer";
import type { Fact, Verdict } from "./ledger";
import type { LedgerProcess } from "./ledger-process";
import { Member, type MemberOptions } from "./members";
import { FaultProxy } from "./proxy";
import { Random, SEED } from "./random";

/** How long a scenario waits for what must come once all is calm again, in milliseconds. */
const PATIENCE = 15_000;
/** After which one more event is emitted, where the last one did not arrive. */
const NEXT_PROBE = 1_000;

/** Numbers that are emitted at once; each is an event and a value of the property. */
const PACE = 50;

/** What all scenarios of one run share. */
export interface Run {
    readonly ledger: LedgerProcess;
    /** Of the files of facts. */
    readonly folder: string;
    readonly long: boolean;
}

let members = 0;

export class Scenario {
    readonly random: Random;
    readonly consumers: FaultConsumer[] = [];
    /** The last number that a member was ordered to emit. */
    emitted = 0;
    readonly #cleanups: (() => Promise<unknown>)[] = [];
    #facts: Fact[] = [];
    /** True once the ledger was asked. */
    #closed = false;

    constructor(
        readonly name: string,
        readonly run: Run,
        readonly transport: Transport
    ) {
        this.random = new Random(SEED, name);
    }

    /** A fact for the ledger; they go in batches, in order. */
    readonly tell = (fact: Fact): void => {
        if (this.#facts.length === 0) setImmediate(() => this.#flush());
        this.#facts.push(fact);
    };

    onEnd(cleanup: () => Promise<unknown>): void {
        this.#cleanups.push(cleanup);
    }

    /** Starts a process; it ends with the scenario. */
    async member(options: Omit<MemberOptions, "facts" | "keyFile" | "certFile">): Promise<Member> {
        return (await startMember(this.run, options, (member) => this.onEnd(() => member.kill()))).member;
    }

    /** A server or a hub on the transport of this scenario. @param port default: a free one */
    async server(
        options: Partial<MemberOptions> = {},
        port = 0
    ): Promise<{ readonly member: Member; readonly port: number }> {
        const where = isSecure(this.transport) ? { secure: port } : { plain: port };
        return startMember(this.run, { ...where, ...options }, (member) => this.onEnd(() => member.kill()));
    }

    async proxy(port: number): Promise<FaultProxy> {
        const proxy = await FaultProxy.start(port);
        this.onEnd(() => proxy.stop());
        return proxy;
    }

    url(port: number): string {
        return `${isSecure(this.transport) ? "sse" : "sse-plain"}://127.0.0.1:${port}`;
    }

    /** For raw clients. */
    origin(port: number): string {
        return `${isSecure(this.transport) ? "https" : "http"}://127.0.0.1:${port}`;
    }

    /** A consumer of this server; it is subscribed. */
    async consumer(
        name: string,
        port: number,
        { token, ...options }: ConnectionOptions & { readonly token?: string } = {}
    ): Promise<FaultConsumer> {
        const { transport, tell } = this;
        const { cert } = await certificate();
        const tls = { caCert: cert, httpVersion: transport === "TLS h2" ? 2 : 1 } as const;
        const consumer = await FaultConsumer.connect({
            ...{ name, url: this.url(port), scenario: this.name, tell, token },
            options: { ...(isSecure(transport) && tls), ...options },
        });
        this.onEnd(() => consumer.close());
        this.consumers.push(consumer);
        await consumer.subscribe(this.emitted);
        return consumer;
    }

    /** Lets a member emit the next numbers. @returns when they have been emitted; never if the member is killed before */
    emit(
        member: Member,
        count: number,
        options: { readonly every?: number; readonly size?: number; readonly levels?: boolean } = {}
    ): Promise<void> {
        const from = this.emitted + 1;
        this.emitted += count;
        const last = this.emitted;
        const emitted = this.#emitted(member, last);
        member.order({ order: "emit", scenario: this.name, from, count, every: 0, ...options });
        return emitted;
    }

    /**
     * Lets a member emit the next numbers, one each millisecond and never so far ahead of a consumer that what is kept for it is more than the
     * server keeps: short of that nobody may miss anything.
     */
    async emitPaced(member: Member, count: number): Promise<void> {
        for (let done = 0; done < count; done += PACE) {
            await this.emit(member, Math.min(PACE, count - done), { every: 1 });
            const soon = AbortSignal.timeout(PATIENCE);
            setMaxListeners(0, soon);
            await Promise.all(this.consumers.map((consumer) => consumer.hears(this.emitted - 4 * PACE, soon)));
        }
    }

    /** Once all is calm: resolves when every consumer hears again what is emitted now, or when patience is at its end. */
    async settle(member: Member, consumers = this.consumers): Promise<void> {
        const patience = AbortSignal.timeout(PATIENCE);
        setMaxListeners(0, patience);
        try {
            await Promise.all(consumers.map((consumer) => consumer.isConnected(patience)));
            for (;;) {
                void this.emit(member, 1);
                const last = this.emitted;
                const soon = AbortSignal.any([patience, AbortSignal.timeout(NEXT_PROBE)]);
                setMaxListeners(0, soon);
                try {
                    await Promise.all(consumers.map((consumer) => consumer.hears(last, soon)));
                    break;
                } catch (error) {
                    if (patience.aborted) throw error;
                }
            }
            // Behind what came on each stream
            await Promise.all(consumers.map(({ connection }) => connection.ping({ timeout: PATIENCE })));
        } catch (error) {
            console.log(`    ${this.name} did not settle: ${String(error)}`);
        }
    }

    /** Asks the ledger. @throws AssertionError if anything was lost, doubled or out of order */
    async verdict(expected: Partial<Verdict> = {}): Promise<Verdict> {
        this.#flush();
        this.#closed = true;
        const verdict = await this.run.ledger.close(this.name, SEED, this.run.folder);
        expect(verdict, [verdict.line, ...verdict.problems].join("\n")).to.include({
            ...{ lost: 0, doubled: 0, outOfOrder: 0 },
            ...expected,
        });
        return verdict;
    }

    /** Ends everything. What failed before the verdict has its line of the ledger too. */
    async end(): Promise<void> {
        for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
        if (!this.#closed) await this.verdict().catch(() => undefined);
    }

    async #emitted(member: Member, last: number): Promise<void> {
        try {
            while ((await member.next("emitted")).last < last);
        } catch {
            await new Promise(() => undefined); // it was killed
        }
    }

    #flush(): void {
        if (this.#facts.length > 0) this.run.ledger.tell(this.name, this.#facts);
        this.#facts = [];
    }
}

/** Starts a process of the suite. @param started is called before it is awaited, so that it can be killed whatever happens */
export async function startMember(
    run: Run,
    options: Omit<MemberOptions, "facts" | "keyFile" | "certFile">,
    started: (member: Member) => void
): Promise<{ readonly member: Member; readonly port: number; readonly securePort: number }> {
    const { keyFile, certFile } = await certificate();
    const facts = join(run.folder, `${++members}.facts`);
    const { member, first } = await Member.start({ ...options, facts, keyFile, certFile });
    started(member);
    const { plain = 0, secure = 0 } = first.report === "ports" ? first : {};
    return { member, port: plain === 0 ? secure : plain, securePort: secure };
}

/** An empty folder that goes with the process of the test. */
export function freshFolder(prefix: string): string {
    return mkdtempSync(join(temporaryFolder(), prefix));
}
