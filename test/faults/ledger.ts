/**
 * Keeps the books of the fault suite, in a process of its own that knows nothing of the product: it is given numbered facts and says
 * what was lost, doubled and out of order. Started by `fork`; prints one line for each scenario that is closed.
 *
 * Facts of the test's own process come by IPC. Those of processes that may be killed stand in files, one JSON line each, written before
 * what they tell of: a killed process cannot take them with it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What happened; numbers of a stream count up from 1, ids of actions are unique within a scenario. */
export type Fact =
    /** Is about to be emitted. Of what `conflates`, such as property values, only the last one must arrive. */
    | { readonly fact: "emitted"; readonly stream: string; readonly n: number; readonly conflates?: boolean }
    /** Everything up to `n` has left the process that emits. */
    | { readonly fact: "delivered"; readonly stream: string; readonly n: number }
    /** The process that wrote this file was killed: what it emitted and had not delivered went with it. */
    | { readonly fact: "died"; readonly file: string }
    /** From now on the consumer must hear what is emitted with numbers above `after`. */
    | { readonly fact: "subscribed"; readonly consumer: string; readonly stream: string; readonly after: number }
    | { readonly fact: "heard"; readonly consumer: string; readonly stream: string; readonly n: number }
    /** The consumer was told that its connection broke. */
    | { readonly fact: "dropped"; readonly consumer: string }
    /** The consumer was told that its connection is back, and nothing may be missing. */
    | { readonly fact: "resumed"; readonly consumer: string }
    /** The consumer was told that its connection is back, and that something may be missing. */
    | { readonly fact: "gap"; readonly consumer: string }
    | { readonly fact: "invoked"; readonly id: string }
    | { readonly fact: "executed"; readonly id: string }
    /** `ok`, or the code of the error that the caller got. */
    | { readonly fact: "outcome"; readonly id: string; readonly code: string };

/** What the ledger is told by IPC. */
export type Entry =
    | { readonly scenario: string; readonly facts: readonly Fact[] }
    /** Closes the books of a scenario; `folder` holds the files. */
    | { readonly scenario: string; readonly seed: number; readonly folder: string };

/** What it answers to the second kind. */
export interface Verdict {
    readonly scenario: string;
    /** The line that it printed. */
    readonly line: string;
    readonly lost: number;
    readonly doubled: number;
    readonly outOfOrder: number;
    readonly gaps: number;
    readonly missing: number;
    /** Went with a process that was killed before it could hand them over. */
    readonly unsent: number;
    readonly emitted: number;
    readonly heard: number;
    /** Property values that never arrived because newer ones did. */
    readonly conflated: number;
    readonly actions: number;
    /** Outcomes by code, `ok` among them. */
    readonly outcomes: Readonly<Record<string, number>>;
    /** The first of what is wrong, in words. */
    readonly problems: readonly string[];
}

/** A caller with this code does not know whether it was executed; each other one but `ok` says that it was not. */
const UNKNOWN = "OUTCOME_UNKNOWN";
const PROBLEMS_SHOWN = 12;

/** What one consumer was told, in its order. */
type Told = { readonly stream: string; readonly n: number } | "dropped" | "resumed" | "gap";

class Book {
    readonly #facts: Fact[] = [];

    constructor(private readonly scenario: string) {}

    add(facts: readonly Fact[]): void {
        for (const fact of facts) this.#facts.push(fact);
    }

    close(seed: number, files: ReadonlyMap<string, readonly Fact[]>): Verdict {
        const problems: string[] = [];
        const streams = emissions(files);
        const unsent = takenAlong(this.#facts, files);
        const told = new Map<string, Told[]>();
        const subscriptions: Extract<Fact, { fact: "subscribed" }>[] = [];
        for (const fact of this.#facts) {
            if (fact.fact === "subscribed") subscriptions.push(fact);
            else if (fact.fact === "heard") listOf(told, fact.consumer).push({ stream: fact.stream, n: fact.n });
            else if ("consumer" in fact) listOf(told, fact.consumer).push(fact.fact);
        }
        let [lost, doubled, outOfOrder, missing, conflated, heard, gone] = [0, 0, 0, 0, 0, 0, 0];
        for (const { consumer, stream, after } of subscriptions) {
            const emitted = streams.get(stream) ?? { numbers: [], conflates: false };
            const found = compare(told.get(consumer) ?? [], stream, emitted, after, unsent.get(stream) ?? new Set());
            for (const problem of found.problems) problems.push(`${consumer} ${problem}`);
            heard += found.heard;
            lost += found.lost;
            doubled += found.doubled;
            outOfOrder += found.outOfOrder;
            missing += found.missing;
            conflated += found.conflated;
            gone += found.unsent;
        }
        const executed = [...files.values()].flat();
        const actions = compareActions([...this.#facts, ...executed]);
        lost += actions.lost;
        doubled += actions.doubled;
        problems.push(...actions.problems);
        const gaps = this.#facts.filter(({ fact }) => fact === "gap").length;
        let line = `ledger ${this.scenario} seed=${seed}: lost ${lost}, doubled ${doubled}, out of order ${outOfOrder}`;
        if (gaps > 0) line += `, gap signalled ${gaps} missing ${missing}`;
        if (gone > 0) line += `, unsent ${gone}`;
        const emitted = [...streams.values()].reduce((sum, { numbers }) => sum + numbers.length, 0);
        return {
            ...{
                scenario: this.scenario,
                line,
                lost,
                doubled,
                outOfOrder,
                gaps,
                missing,
                unsent: gone,
                emitted,
                heard,
            },
            ...{ conflated, actions: actions.count, outcomes: actions.outcomes },
            problems: problems.slice(0, PROBLEMS_SHOWN),
        };
    }
}

interface Emissions {
    readonly numbers: number[];
    readonly conflates: boolean;
}

/** What was emitted, by stream, over all lives of the processes that emit. */
function emissions(files: ReadonlyMap<string, readonly Fact[]>): Map<string, Emissions> {
    const streams = new Map<string, Emissions>();
    for (const fact of [...files.values()].flat()) {
        if (fact.fact !== "emitted") continue;
        const known = streams.get(fact.stream);
        if (known === undefined) streams.set(fact.stream, { numbers: [fact.n], conflates: fact.conflates === true });
        else known.numbers.push(fact.n);
    }
    for (const { numbers } of streams.values()) numbers.sort((a, b) => a - b);
    return streams;
}

/** Numbers that a killed process had emitted and not delivered, by stream. */
function takenAlong(facts: readonly Fact[], files: ReadonlyMap<string, readonly Fact[]>): Map<string, Set<number>> {
    const all = new Map<string, Set<number>>();
    for (const fact of facts) {
        if (fact.fact !== "died") continue;
        const written = files.get(fact.file) ?? [];
        const delivered = new Map<string, number>();
        for (const other of written) if (other.fact === "delivered") delivered.set(other.stream, other.n);
        for (const other of written) {
            if (other.fact !== "emitted" || other.n <= (delivered.get(other.stream) ?? 0)) continue;
            const numbers = all.get(other.stream) ?? new Set();
            all.set(other.stream, numbers.add(other.n));
        }
    }
    return all;
}

interface Comparison {
    readonly heard: number;
    readonly lost: number;
    readonly doubled: number;
    readonly outOfOrder: number;
    readonly missing: number;
    readonly conflated: number;
    readonly unsent: number;
    readonly problems: readonly string[];
}

/** What one consumer heard of one stream against what was emitted. */
function compare(
    told: readonly Told[],
    stream: string,
    { numbers, conflates }: Emissions,
    after: number,
    unsent: ReadonlySet<number>
): Comparison {
    const problems: string[] = [];
    let [doubled, outOfOrder, last] = [0, 0, 0];
    /** Where each number stands among what was told. */
    const places = new Map<number, number>();
    for (const [place, item] of told.entries()) {
        if (typeof item === "string" || item.stream !== stream) continue;
        if (places.has(item.n)) {
            // A property that is read again tells its value again; that is nothing new.
            if (!conflates) problems.push(`heard ${stream} ${item.n} again`);
            if (!conflates) doubled++;
            else if (item.n < last) outOfOrder++;
            continue;
        }
        places.set(item.n, place);
        if (item.n < last) {
            outOfOrder++;
            problems.push(`heard ${stream} ${item.n} after ${last}`);
        }
        last = Math.max(last, item.n);
    }
    const counts = { lost: 0, missing: 0, conflated: 0, unsent: 0 };
    const excuses = gapsOf(told);
    const wanted = numbers.filter((n) => n > after);
    const lastHeard = wanted.findLast((n) => places.has(n)) ?? after;
    /** Where the next number behind stands that was heard. */
    const behinds: number[] = [];
    let next = Infinity;
    for (const n of wanted.toReversed()) {
        behinds.push(next);
        next = places.get(n) ?? next;
    }
    let before = -1;
    for (const [index, n] of wanted.entries()) {
        const place = places.get(n);
        if (place !== undefined) {
            before = place;
            continue;
        }
        const behind = behinds[wanted.length - 1 - index]!;
        if (conflates && n < lastHeard) counts.conflated++;
        else if (unsent.has(n)) counts.unsent++;
        else if (excuses.some(([from, to]) => from < behind && to > before)) counts.missing++;
        else {
            counts.lost++;
            problems.push(`never heard ${stream} ${n}`);
        }
    }
    return { heard: places.size, doubled, outOfOrder, ...counts, problems };
}

/** Each gap that was signalled: from where the connection broke to where the signal came. */
function gapsOf(told: readonly Told[]): (readonly [number, number])[] {
    const gaps: [number, number][] = [];
    let from = -1;
    for (const [place, item] of told.entries()) {
        if (typeof item !== "string") continue;
        if (item === "gap") gaps.push([from < 0 ? place : from, place]);
        if (item !== "dropped") from = -1;
        else if (from < 0) from = place;
    }
    return gaps;
}

/** Each action is executed once at most, and as its outcome says. */
function compareActions(facts: readonly Fact[]): {
    readonly count: number;
    readonly lost: number;
    readonly doubled: number;
    readonly outcomes: Record<string, number>;
    readonly problems: string[];
} {
    const executed = new Map<string, number>();
    const outcomes = new Map<string, string>();
    const invoked = new Set<string>();
    for (const fact of facts) {
        if (fact.fact === "invoked") invoked.add(fact.id);
        else if (fact.fact === "executed") executed.set(fact.id, (executed.get(fact.id) ?? 0) + 1);
        else if (fact.fact === "outcome") outcomes.set(fact.id, fact.code);
    }
    const problems: string[] = [];
    const counts: Record<string, number> = {};
    let [lost, doubled] = [0, 0];
    for (const id of new Set([...invoked, ...executed.keys()])) {
        const times = executed.get(id) ?? 0;
        const code = outcomes.get(id) ?? "none";
        counts[code] = (counts[code] ?? 0) + 1;
        if (times > 1) {
            doubled += times - 1;
            problems.push(`action ${id} executed ${times} times, outcome ${code}`);
        }
        // An outcome that does not tell what happened is an outcome lost.
        const wrong = code === "ok" ? times === 0 : code !== UNKNOWN && (code === "none" || times > 0);
        if (!wrong) continue;
        lost++;
        problems.push(`action ${id} executed ${times} times, outcome ${code}`);
    }
    return { count: invoked.size, lost, doubled, outcomes: counts, problems };
}

function listOf<T>(map: Map<string, T[]>, key: string): T[] {
    let list = map.get(key);
    if (list === undefined) map.set(key, (list = []));
    return list;
}

/** The facts of one scenario that stand in files, by the file's name. */
function readFiles(folder: string, scenario: string): Map<string, Fact[]> {
    const files = new Map<string, Fact[]>();
    for (const name of readdirSync(folder)) {
        if (!name.endsWith(".facts")) continue;
        // A process that was killed may have left half a line: what it told of has not happened.
        const lines = readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1);
        const entries = lines.map((line) => JSON.parse(line) as Fact & { readonly scenario: string });
        files.set(
            name,
            entries.filter((entry) => entry.scenario === scenario)
        );
    }
    return files;
}

function describe({ emitted, heard, conflated, actions, outcomes }: Verdict): string {
    const codes = Object.entries(outcomes).map(([code, count]) => `${code} ${count}`);
    const values = conflated === 0 ? "" : `, ${conflated} values conflated`;
    return `    emitted ${emitted}, heard ${heard}${values}; actions ${actions}: ${codes.join(", ")}`;
}

const books = new Map<string, Book>();

process.on("message", (entry: Entry) => {
    const { scenario } = entry;
    let book = books.get(scenario);
    if (book === undefined) books.set(scenario, (book = new Book(scenario)));
    if ("facts" in entry) {
        book.add(entry.facts);
        return;
    }
    const verdict = book.close(entry.seed, readFiles(entry.folder, scenario));
    books.delete(scenario);
    console.log(`${verdict.line}\n${describe(verdict)}`);
    for (const problem of verdict.problems) console.log(`    ${problem}`);
    process.send?.(verdict);
});
process.on("disconnect", () => process.exit());
