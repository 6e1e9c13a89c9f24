/** The list of deviations, and the rules for what may be on it. */
import { expect } from "chai";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Allowance, type Deviation, fault, readDeviations, WEAKNESSES } from "./replay/deviations";
import { RUNS } from "./replay/plan";
import { req } from "./requirements";

const FIXTURES = join(__dirname, "../fixtures");

const REFUSED = { status: 401, type: "text/plain", body: "no" };

/** A deviation, with whatever a test says of it. */
function deviation(rest: Partial<Deviation>): Deviation {
    return { file: "a.jsonl", n: 1, at: "error", reason: "It is better so, for these reasons.", ...rest };
}

describe("deviations from the recordings", () => {
    const deviations = readDeviations();

    req("REC-deviations", `${String(deviations.length)} deviations: each one is of a kind that may be`, () => {
        const faults = deviations.flatMap((each) => {
            const why = fault(each);
            return why === undefined ? [] : [`${each.file} ${String(each.n)} ${each.at} ${why}`];
        });
        expect(faults).to.deep.equal([]);
    });

    req("REC-deviations", "cite each weakness that is named", () => {
        const cited = new Set(deviations.map(({ cites }) => cites));
        expect(Object.keys(WEAKNESSES).filter((key) => !cited.has(key))).to.deep.equal([]);
    });

    req("REC-deviations", "are about recordings that are replayed", () => {
        const files = RUNS.flatMap(({ parts }) => parts.map(({ file }) => file));
        expect(deviations.filter(({ file }) => !files.includes(file))).to.deep.equal([]);
    });

    req("REC-all", "every recording is replayed", () => {
        const files = RUNS.flatMap(({ parts }) => parts.map(({ file }) => file));
        const here = ["hivekit-2026-01", "hivekit-2026-08"].flatMap((folder) =>
            readdirSync(join(FIXTURES, folder))
                .filter((name) => name.endsWith(".jsonl"))
                .map((name) => `${folder}/${name}`)
        );
        expect(here.filter((file) => !files.includes(file))).to.deep.equal([]);
        expect(files.filter((file) => !existsSync(join(FIXTURES, file)))).to.deep.equal([]);
    });

    const allowed: readonly (readonly [string, Partial<Deviation>])[] = [
        ["another refusal", { at: "error", recorded: REFUSED, ours: { ...REFUSED, status: 400 } }],
        ["another error in a response", { at: "response.error", recorded: { status: 400 }, ours: { status: 404 } }],
        ["another header", { at: "content-type", recorded: "text/plain", ours: "application/json" }],
        ["a member more", { at: "response.value.started", ours: 1 }],
        ["a member less", { at: "response.value.input", recorded: 1 }],
        ["a member filled in that was empty", { at: "response.consumerID", recorded: "", ours: "a" }],
        [
            "a success for a refusal that cites a weakness",
            { at: "status", recorded: 500, ours: 204, cites: "response-crash" },
        ],
        [
            "another success in the directory's HTTP API that a rule of WoT Discovery wants",
            {
                file: "hivekit-2026-08/directory-http.jsonl",
                at: "status",
                recorded: 204,
                ours: 201,
                reason: "TDD-13: a new one is 201.",
            },
        ],
        [
            "a request that an agent does not get, by the rules of a hub",
            { at: "request", recorded: {}, cites: "hub-answers" },
        ],
    ];
    for (const [title, rest] of allowed) {
        req("REC-deviations", `may be ${title}`, () => {
            expect(fault(deviation(rest))).to.equal(undefined);
        });
    }

    const refused: readonly (readonly [string, Partial<Deviation>])[] = [
        ["a refusal for a success", { at: "status", recorded: 201, ours: REFUSED }],
        ["a success for a refusal", { at: "status", recorded: REFUSED, ours: 201 }],
        ["another success", { at: "status", recorded: 200, ours: 204 }],
        ["an error where there was none", { at: "response.error", recorded: null, ours: { status: 500 } }],
        ["an error inside where there was none", { at: "response.value.increment.error", ours: { status: 500 } }],
        ["another status of an action", { at: "response.value.state", recorded: "completed", ours: "failed" }],
        ["another value", { at: "response.output", recorded: 3, ours: 4 }],
        ["another type", { at: "response.value", recorded: 3, ours: { data: 3 } }],
        ["no output where there was one", { at: "response.output", recorded: 3 }],
        ["a message less", { at: "response", recorded: { operation: "ping" } }],
        ["a message more", { at: "notification", ours: { name: "overflow" } }],
        ["a request that an agent does not get", { at: "request", recorded: { operation: "readevent" } }],
        ["a request more to an agent", { at: "request", ours: { operation: "readproperty" } }],
        [
            "what WoT Discovery rules elsewhere",
            { at: "status", recorded: 204, ours: 201, reason: "TDD-13: a new one is 201." },
        ],
        [
            "of the directory's HTTP API without a rule",
            { file: "hivekit-2026-08/directory-http.jsonl", at: "error", recorded: REFUSED, ours: {} },
        ],
        ["an end of a stream", { at: "end", recorded: "client", ours: "server" }],
        ["without a reason", { at: "error", recorded: REFUSED, ours: {}, reason: "because" }],
        ["with a weakness that nobody knows", { at: "status", recorded: 201, ours: REFUSED, cites: "whim" }],
        ["with a weakness that it does not need", { at: "error", recorded: REFUSED, ours: {}, cites: "log-in" }],
    ];
    for (const [title, rest] of refused) {
        req("REC-deviations", `may not be ${title}`, () => {
            expect(fault(deviation(rest))).to.be.a("string");
        });
    }

    req("REC-deviations", "allow what they say and nothing else, and are missed when nothing needs them", () => {
        const listed = deviation({ at: "allow", recorded: "POST", ours: "GET" });
        const allowance = new Allowance(undefined, [listed]);
        const other = { at: "allow", recorded: "POST", ours: "PUT" };
        expect(allowance.unlisted("a.jsonl", 1, [other])).to.deep.equal([other]);
        const same = { at: "allow", recorded: "POST", ours: "GET" };
        expect(allowance.unlisted("a.jsonl", 2, [same])).to.deep.equal([same]);
        expect(allowance.unused("a.jsonl")).to.deep.equal([listed]);
        expect(allowance.unlisted("a.jsonl", 1, [same])).to.deep.equal([]);
        expect(allowance.unused("a.jsonl")).to.deep.equal([]);
    });
});
