/** HTTP replies that refuse something, as errors of ours. */
import { fromProblem, SseScError, type ErrorCode } from "../../lib/errors";
import type { TransportResponse } from "./client-transport";

const CODE_OF_STATUS = new Map<number, ErrorCode>([
    [401, "UNAUTHORIZED"],
    [403, "FORBIDDEN"],
    [404, "NOT_FOUND"],
    [413, "TOO_LARGE"],
    [429, "TOO_MANY_REQUESTS"],
]);

/**
 * The error that a reply with any status but 2xx stands for: the code of its problem body (RFC 9457) if that is one of ours, else
 * one by its status, else `PEER_FAILED`.
 * @param unauthorized what a bare 401 means here
 */
export function replyError(response: TransportResponse, unauthorized: ErrorCode = "UNAUTHORIZED"): SseScError {
    const { status } = response;
    const problem = readProblem(response);
    const seconds = Number(response.headers["retry-after"] ?? Number.NaN);
    const retryAfter = Number.isFinite(seconds) && seconds >= 0 ? { retryAfter: seconds } : {};
    const told = problem === undefined ? undefined : fromProblem(problem);
    const code = codeOf(response, unauthorized);
    const byStatus = told === undefined || told.code === "PEER_FAILED";
    return new SseScError(
        byStatus ? code : told.code,
        told?.message ?? `The server answered with status ${String(status)}`,
        {
            status: status >= 400 && status <= 599 ? status : 502,
            ...retryAfter,
            ...(told === undefined || problem === undefined ? {} : { title: told.title, problem }),
        }
    );
}

function codeOf({ status, body }: TransportResponse, unauthorized: ErrorCode): ErrorCode {
    if (status === 401) return unauthorized;
    // The reference says it in a text (recording protocol-errors.jsonl, n = 7): it has no stream of this cid.
    if (status === 400 && /no SSE connection/i.test(body)) return "NO_SESSION";
    return CODE_OF_STATUS.get(status) ?? "PEER_FAILED";
}

function readProblem({ headers, body, status }: TransportResponse): Parameters<typeof fromProblem>[0] | undefined {
    if (!(headers["content-type"] ?? "").toLowerCase().startsWith("application/problem+json")) return undefined;
    let json: unknown;
    try {
        json = JSON.parse(body);
    } catch {
        return undefined;
    }
    if (typeof json !== "object" || json === null) return undefined;
    const text = (name: string): string => {
        const value: unknown = Object.hasOwn(json, name) ? Reflect.get(json, name) : undefined;
        return typeof value === "string" ? value : "";
    };
    const detail = text("detail");
    return { status, type: text("type"), title: text("title"), ...(detail === "" ? {} : { detail }) };
}
