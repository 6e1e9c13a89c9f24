/** Puts records together that came in any number of packets: an announcement is a PTR, a SRV, a TXT and address records. */
import type { Answer, Question } from "dns-packet";
import { DIRECTORY_SERVICE, nameKey, SERVICE } from "./announcement";
import { needsAddress, readService, type FoundService } from "./found-service";
import type { MulticastPacket } from "./multicast";

/** Instances that are remembered; more are not looked at. */
const MAX_INSTANCES = 512;
/** Addresses that are remembered for each. */
const MAX_ADDRESSES = 32;
/** Instances that one query asks about. */
const MAX_QUESTIONS = 16;

/** What is known of one instance. */
interface Instance {
    readonly name: string;
    target: string | undefined;
    port: number;
    txt: readonly Uint8Array[] | undefined;
    addresses: Set<string>;
    isOwn: boolean;
    /** What was asked for because it was missing: each once. */
    askedFor: "nothing" | "service" | "address";
}

/** Collects the announcements of one search. */
export class Collector {
    readonly #instances = new Map<string, Instance>();
    readonly #found = new Set<string>();

    /**
     * @param type what is looked for; all if `undefined`
     * @param limit announcements that are told at most
     * @param isOwn whether an address is one of this machine
     */
    constructor(
        private readonly type: FoundService["type"] | undefined,
        private readonly limit: number,
        private readonly isOwn: (address: string) => boolean
    ) {}

    /** Takes a response. @returns what is new and complete by it */
    add({ answers }: MulticastPacket, source: string): FoundService[] {
        const touched = new Set<Instance>();
        for (const record of answers) this.#addPointer(record);
        for (const record of answers) this.#addService(record, source, touched);
        const addresses = addressesIn(answers);
        for (const instance of addresses.size === 0 ? [] : this.#instances.values()) {
            const found = instance.target === undefined ? undefined : addresses.get(nameKey(instance.target));
            if (found === undefined) continue;
            for (const address of found) if (instance.addresses.size < MAX_ADDRESSES) instance.addresses.add(address);
            touched.add(instance);
        }
        return this.#tell([...touched].filter(hasAddress));
    }

    /**
     * Gives up waiting for addresses.
     * @param all also for those that were not asked for
     * @returns what is complete without
     */
    settle(all = false): FoundService[] {
        return this.#tell([...this.#instances.values()].filter(({ askedFor }) => all || askedFor === "address"));
    }

    /** True if records are missing that were not asked for yet. */
    get hasGaps(): boolean {
        return [...this.#instances.values()].some(isOpen);
    }

    /** What to ask next: for records that are missing. */
    questions(): Question[] {
        const open = [...this.#instances.values()].filter(isOpen).slice(0, MAX_QUESTIONS);
        return open.flatMap((instance): Question[] => {
            const { name, target, txt } = instance;
            const isIncomplete = target === undefined || txt === undefined;
            instance.askedFor = isIncomplete ? "service" : "address";
            return isIncomplete ? ask(name, ["SRV", "TXT"]) : ask(target, ["A", "AAAA"]);
        });
    }

    #addPointer(record: Answer): void {
        if (record.type !== "PTR") return;
        const service = nameKey(record.name);
        if (service !== SERVICE && service !== DIRECTORY_SERVICE) return;
        const key = nameKey(record.data);
        if (!key.endsWith(`.${SERVICE}`)) return;
        if (record.ttl === 0) this.#instances.delete(key);
        else if (!this.#instances.has(key) && this.#instances.size < MAX_INSTANCES) {
            const name = record.data.replace(/\.$/, "");
            const nothing = { target: undefined, port: 0, txt: undefined, addresses: new Set<string>() };
            this.#instances.set(key, { ...nothing, name, isOwn: false, askedFor: "nothing" });
        }
    }

    #addService(record: Answer, source: string, touched: Set<Instance>): void {
        if ((record.type !== "SRV" && record.type !== "TXT") || record.ttl === 0) return;
        const instance = this.#instances.get(nameKey(record.name));
        if (instance === undefined) return;
        touched.add(instance);
        if (record.type === "TXT") {
            instance.txt = (Array.isArray(record.data) ? record.data : [record.data]).map((text) => Buffer.from(text));
            return;
        }
        const { target, port } = record.data;
        if (instance.target !== target) instance.addresses = new Set();
        instance.target = target;
        instance.port = port;
        instance.isOwn = this.isOwn(source);
    }

    #tell(instances: readonly Instance[]): FoundService[] {
        return instances.flatMap(({ name, target, port, txt, addresses, isOwn }) => {
            if (target === undefined || txt === undefined || this.#found.size >= this.limit) return [];
            const service = readService({ instance: name, target, port, txt, addresses: [...addresses], isOwn });
            if (service === undefined || (this.type !== undefined && service.type !== this.type)) return [];
            const key = JSON.stringify([service.name.toLowerCase(), service.url, service.type]);
            if (this.#found.has(key)) return [];
            this.#found.add(key);
            return [service];
        });
    }
}

function isOpen(instance: Instance): boolean {
    const { target, txt, askedFor } = instance;
    if (target === undefined || txt === undefined) return askedFor === "nothing";
    return askedFor !== "address" && !hasAddress(instance);
}

function hasAddress({ target, addresses }: Instance): boolean {
    return target === undefined || addresses.size > 0 || !needsAddress(target);
}

function ask(name: string, types: readonly Question["type"][]): Question[] {
    return types.map((type) => ({ name, type }));
}

/** Addresses in a packet, by host. */
function addressesIn(answers: readonly Answer[]): Map<string, string[]> {
    const byHost = new Map<string, string[]>();
    for (const record of answers) {
        if ((record.type !== "A" && record.type !== "AAAA") || record.ttl === 0) continue;
        const host = nameKey(record.name);
        const addresses = byHost.get(host);
        if (addresses === undefined) byHost.set(host, [record.data]);
        else addresses.push(record.data);
    }
    return byHost;
}
