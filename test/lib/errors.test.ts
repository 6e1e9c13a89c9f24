import { expect } from "chai";
import { fromProblem, SseScError, toErrorResponse, toProblem } from "../../lib/errors";

describe("errors", () => {
    it("travel as problem details that bring the code back", () => {
        const problem = toProblem(new SseScError("UNKNOWN_THING", "not for the peer"));
        expect(problem).to.deep.equal({
            status: 404,
            type: "urn:hiveot-ssesc:problem:UNKNOWN_THING",
            title: "No such Thing is known here",
        });
        expect(fromProblem(problem)).to.include({ code: "UNKNOWN_THING", status: 404 });
    });

    it("of other software become PEER_FAILED, with their text", () => {
        const problem = { status: 400, type: "urn:hiveot-ssesc:problem:toString", title: "t", detail: "d" };
        expect(fromProblem(problem)).to.include({ code: "PEER_FAILED", status: 400, message: "t: d" });
    });

    it("that are not ours say nothing of what happened", () => {
        const { status, body } = toErrorResponse(new Error("secret"));
        expect(status).to.equal(500);
        expect(body).to.contain("INTERNAL").and.not.contain("secret");
    });

    it("bring the headers that their status demands", () => {
        expect(toErrorResponse(new SseScError("UNAUTHORIZED")).headers["www-authenticate"]).to.equal("Bearer");
        expect(
            toErrorResponse(new SseScError("TOO_MANY_REQUESTS", undefined, { retryAfter: 7 })).headers["retry-after"]
        ).to.equal("7");
        const notAllowed = new SseScError("METHOD_NOT_ALLOWED", undefined, { headers: { allow: "GET" } });
        expect(toErrorResponse(notAllowed).headers["allow"]).to.equal("GET");
    });
});
