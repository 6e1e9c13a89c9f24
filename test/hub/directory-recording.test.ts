/** The recorded HTTP API of HiveKit's directory, replayed: where ours answers otherwise, and by which rule. */
import { expect } from "chai";
import { readRecording } from "../conformance/raw/recordings";
import { ServedDirectory } from "./directory-server";

/** Status of ours where it is another one, by the number of the request. */
const DEVIATIONS: ReadonlyMap<number, readonly [status: number, rule: string]> = new Map([
    [2, [405, "TDD-14: POST is for /things"]],
    [3, [201, "TDD-13: a new one is 201"]],
    [4, [404, "design.md, Hub: Thing ids stay as they are, no digital twin is made"]],
    [5, [200, "the same"]],
    [7, [400, "TDD-14: POST creates a TD that has no id; this one has"]],
    [9, [404, "no digital twin: see 4"]],
    [10, [404, "TDD-16: 404, where HiveKit says 400"]],
]);

describe("the recorded directory-http.jsonl", () => {
    it("is answered as recorded, save for the deviations listed", async () => {
        const directory = await ServedDirectory.start("TLS h2");
        const exchanges = readRecording("hivekit-2026-08/directory-http.jsonl").filter(({ path }) =>
            path.startsWith("/things")
        );
        expect(exchanges).to.have.length(11);
        for (const { n, method, path, headers, body, reply } of exchanges) {
            const token = headers["authorization"] === undefined ? "" : "admin:admin1";
            const answer = await directory.send(method, path, { token, ...(body === "" ? {} : { body }) });
            const [expected] = DEVIATIONS.get(n) ?? [reply.status];
            expect(answer.status, `n = ${n}: ${answer.body}`).to.equal(expected);
            expect(expected === reply.status, `n = ${n}`).to.equal(!DEVIATIONS.has(n));
        }
    });
});
