/** Our own live runs with HiveKit: recordings whose first line says which side was ours (test/fixtures/live). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fixture, readRecording } from "../raw/recordings";
import type { Difference } from "./comparison";
import type { Run } from "./plan";

/** What the first line of a live run says of it. */
interface About {
    readonly client: string;
    readonly server: string;
    readonly dialect: string;
    /** Which side is this package. */
    readonly ours: "client" | "server";
}

/** A live run. */
export interface LiveRun {
    readonly file: string;
    readonly about: About;
}

const FOLDER = "live";

/** What our server answers otherwise since the runs were made, anywhere in them; empty whenever they have been made again. */
export const CHANGED_SINCE: readonly Difference[] = [];

/** All live runs. */
export function liveRuns(): LiveRun[] {
    return readdirSync(join(__dirname, "../../fixtures", FOLDER))
        .filter((name) => name.endsWith(".jsonl"))
        .map((name) => {
            const file = `${FOLDER}/${name}`;
            const [first = ""] = fixture(file).split("\n", 1);
            return { file, about: (JSON.parse(first) as { about: About }).about };
        });
}

/** How to replay a live run to our server: one account, and a wrong password where it was refused. */
export function runOf({ file }: LiveRun): Run {
    const refused = readRecording(file).filter(({ path, reply }) => path === "/authn/login" && reply.status === 401);
    return {
        state: "august",
        parts: [{ file, client: "admin1", passwords: Object.fromEntries(refused.map(({ n }) => [n, "wrong"])) }],
        accounts: [{ username: "admin1", password: "password of admin", role: "admin" }],
    };
}
