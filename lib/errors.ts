/**
 * The one error class, and its form on the wire: problem details of RFC 9457.
 *
 * Every error of this package carries a `code` out of a closed union, so that callers can switch on it. The same code travels
 * in the `type` of a problem, so that a peer of ours gets the code back.
 */

/** What each code means: HTTP status and the title that a peer sees. Titles never carry input or internals. */
const PROBLEMS = {
    ABORTED: [499, "The caller gave up"],
    AGENT_OFFLINE: [503, "The agent of this Thing is not connected"],
    ALREADY_CLOSED: [503, "The connection is closed"],
    CANCELLED: [409, "The action was cancelled"],
    CONNECTION_LOST: [503, "The connection was lost before the answer came"],
    CONNECT_FAILED: [503, "No connection could be made"],
    FORBIDDEN: [403, "The role of this client does not permit this"],
    HANDLER_FAILED: [500, "The Thing failed to handle the request"],
    INTERNAL: [500, "Internal error"],
    INVALID_CONFIG: [500, "The configuration is not valid"],
    INVALID_CREDENTIALS: [401, "User name or password is not right"],
    INVALID_ENVELOPE: [400, "The message envelope is not valid"],
    INVALID_INPUT: [400, "The input does not fit the schema"],
    INVALID_OUTPUT: [500, "The Thing gave a value that cannot be sent"],
    INVALID_REQUEST: [400, "The HTTP request is not valid"],
    INVALID_TD: [400, "The Thing Description is not valid"],
    METHOD_NOT_ALLOWED: [405, "This method is not allowed here"],
    MISSING_CID: [400, "The cid header is missing"],
    NOT_FOUND: [404, "Nothing is found here"],
    NO_INVOCATION: [404, "No such invocation of this action is known"],
    NO_SESSION: [400, "No event stream is open for this cid"],
    NOT_OBSERVABLE: [400, "The property is not observable"],
    NOT_OWNER: [409, "The Thing of this id belongs to another client"],
    NOT_READABLE: [400, "The property is write-only"],
    NOT_WRITABLE: [400, "The property is read-only"],
    OUTCOME_UNKNOWN: [503, "Nobody knows whether the request was carried out"],
    PEER_FAILED: [502, "The other side answered with an error"],
    RESPONSE_TOO_LARGE: [500, "The answer is larger than a frame may be"],
    SLOW_READER: [503, "The stream is read too slowly"],
    TIMEOUT: [504, "No answer came in time"],
    TOO_LARGE: [413, "The message is too large"],
    TOO_MANY_CONNECTIONS: [503, "Too many connections"],
    TOO_MANY_REQUESTS: [429, "Too many requests are open"],
    TOO_MANY_SUBSCRIPTIONS: [429, "Too many subscriptions on this connection"],
    TOO_MANY_THINGS: [507, "The directory holds as many Things as it may"],
    UNAUTHORIZED: [401, "A valid bearer token is required"],
    UNKNOWN_AFFORDANCE: [404, "The Thing has no such affordance"],
    UNKNOWN_OPERATION: [400, "The operation is not known"],
    UNKNOWN_THING: [404, "No such Thing is known here"],
} as const satisfies Record<string, readonly [number, string]>;

/** The closed list of error codes. */
export type ErrorCode = keyof typeof PROBLEMS;

/** Problem details (RFC 9457, section 3.1). */
export interface Problem {
    /** HTTP status code that fits the problem. */
    status: number;
    /** Identifies the kind of problem; ours are `urn:hiveot-ssesc:problem:<ErrorCode>`. */
    type: string;
    /** One line for people; the same for each problem of a kind, unless a Thing gave its own. */
    title: string;
    /** More about this occurrence. */
    detail?: string;
    /** What is wrong with a Thing Description, field by field (WoT Discovery, "Validation"). */
    validationErrors?: readonly ValidationError[];
}

/** One fault of a Thing Description. */
export interface ValidationError {
    /** Where: names and indices, joined by dots. */
    readonly field: string;
    /** What is wrong there, in words. */
    readonly description: string;
}

const TYPE_PREFIX = "urn:hiveot-ssesc:problem:";

export interface SseScErrorOptions {
    /** What led to this error; never sent to the peer. */
    cause?: unknown;
    /** One line for the peer in place of the code's own title. Must not carry internals. */
    title?: string;
    /** HTTP status in place of the code's own (400 to 599). */
    status?: number;
    /** Seconds after which a new attempt makes sense: the `Retry-After` header of 429 and 503. */
    retryAfter?: number;
    /** Further HTTP headers that belong to the error, such as `Allow`. */
    headers?: Readonly<Record<string, string>>;
    /** What is wrong with a Thing Description: travels as it is, and in words as the `detail`. */
    validationErrors?: readonly ValidationError[];
    /** The problem that a peer sent, as it came. */
    problem?: Problem;
}

/** The error that every part of this package throws or rejects with. */
export class SseScError extends Error {
    override readonly name = "SseScError";
    /** HTTP status code that fits the error. */
    readonly status: number;
    /** The line that a peer sees. */
    readonly title: string;
    readonly retryAfter: number | undefined;
    readonly headers: Readonly<Record<string, string>>;
    /** What is wrong with a Thing Description, for `INVALID_TD` of a directory; otherwise empty. */
    readonly validationErrors: readonly ValidationError[];
    /** The problem that the peer sent, when this error came from a peer. */
    readonly problem: Problem | undefined;

    /**
     * @param code out of the closed list
     * @param message for the developer on this side; it does not travel. Default: the title.
     */
    constructor(
        readonly code: ErrorCode,
        message?: string,
        options: SseScErrorOptions = {}
    ) {
        const [status, title] = PROBLEMS[code];
        super(message ?? options.title ?? title, options.cause === undefined ? undefined : { cause: options.cause });
        this.status = options.status ?? status;
        this.title = options.title ?? title;
        this.retryAfter = options.retryAfter;
        this.headers = options.headers ?? {};
        this.validationErrors = options.validationErrors ?? [];
        this.problem = options.problem;
    }
}

/** True if `code` is one of ours. */
export function isErrorCode(code: string): code is ErrorCode {
    return Object.hasOwn(PROBLEMS, code);
}

/** Makes an error of ours out of whatever was thrown; what is not ours becomes `code`, with the thrown thing as its cause. */
export function toSseScError(thrown: unknown, code: ErrorCode = "INTERNAL"): SseScError {
    return thrown instanceof SseScError ? thrown : new SseScError(code, undefined, { cause: thrown });
}

/** The problem details of an error: what travels. Anything that is not a `SseScError` travels as a bare `INTERNAL`. */
export function toProblem(thrown: unknown): Problem {
    const error = toSseScError(thrown);
    if (error.problem !== undefined) return error.problem;
    const problem: Problem = { status: error.status, type: TYPE_PREFIX + error.code, title: error.title };
    const { validationErrors } = error;
    if (validationErrors.length === 0) return problem;
    const detail = validationErrors.map(({ field, description }) => `${field} ${description}`).join("; ");
    return { ...problem, detail, validationErrors };
}

/** The error that a peer's problem stands for: with its code if it is one of ours, else `PEER_FAILED`. */
export function fromProblem(problem: Problem): SseScError {
    const suffix = problem.type.startsWith(TYPE_PREFIX) ? problem.type.slice(TYPE_PREFIX.length) : "";
    const code = isErrorCode(suffix) ? suffix : "PEER_FAILED";
    const message = problem.detail === undefined ? problem.title : `${problem.title}: ${problem.detail}`;
    return new SseScError(code, message, { status: problem.status, title: problem.title, problem });
}

/** An error as an HTTP response: status, headers and body; rooms that meet an error hand it on, `http/` alone writes it. */
export interface ErrorResponse {
    status: number;
    headers: Record<string, string>;
    body: string;
}

/** Renders an error as an `application/problem+json` response with the headers that its status demands (RFC 9110). */
export function toErrorResponse(thrown: unknown): ErrorResponse {
    const error = toSseScError(thrown);
    const problem = toProblem(error);
    const headers: Record<string, string> = { "content-type": "application/problem+json", ...error.headers };
    if (problem.status === 401) headers["www-authenticate"] ??= "Bearer";
    if (problem.status === 429 || problem.status === 503) headers["retry-after"] = String(error.retryAfter ?? 1);
    return { status: problem.status, headers, body: JSON.stringify(problem) };
}
