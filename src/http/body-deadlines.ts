/** A deadline for the bodies of requests, whatever protocol and whatever server they came by. */
import { SseScError } from "../../lib/errors";
import { lookAgain, type ConnectionTimeouts } from "./connection-timeouts";
import { header, isGone, respondWithError, type HttpRequest, type HttpResponse } from "./exchange";
import { endWithoutStatus } from "./refusal";

interface Awaited {
    readonly request: HttpRequest;
    readonly since: number;
}

/** Requests whose body may still be on its way. One timer for all, that runs only while there are some. */
export class BodyDeadlines {
    /** In the order of their start. */
    readonly #awaited = new Map<HttpResponse, Awaited>();
    #end: (() => void) | undefined;

    constructor(private readonly timeouts: Pick<ConnectionTimeouts, "request" | "check">) {}

    /** Has a request end with 408 if its body is not there in time; one that was answered before loses its stream or connection. */
    watch(request: HttpRequest, response: HttpResponse): void {
        if (!hasBody(request)) return;
        this.#awaited.set(response, { request, since: performance.now() });
        this.#end ??= lookAgain(this.timeouts.check, (now) => {
            this.#look(now);
        });
        response.on("close", () => this.#awaited.delete(response));
    }

    #look(now: number): void {
        for (const [response, { request, since }] of this.#awaited) {
            if (now - since < this.timeouts.request) break;
            this.#awaited.delete(response);
            if (!request.complete && !request.readableEnded) giveUp(request, response);
        }
        if (this.#awaited.size > 0) return;
        this.#end?.();
        this.#end = undefined;
    }
}

function giveUp(request: HttpRequest, response: HttpResponse): void {
    if (isGone(response)) return;
    if (response.headersSent) {
        endWithoutStatus(response);
        return;
    }
    // RFC 9110, section 15.5.9
    const error = new SseScError("INVALID_REQUEST", undefined, {
        title: "The body did not come in time",
        status: 408,
    });
    respondWithError(request, response, error);
    // On HTTP/1.1 `connection: close` ends it; on HTTP/2 the peer might go on sending its body.
    if (response.stream !== undefined) endWithoutStatus(response);
}

function hasBody(request: HttpRequest): boolean {
    if (request.complete) return false;
    if (request.method !== "GET" && request.method !== "HEAD") return true;
    return header(request, "content-length") !== undefined || header(request, "transfer-encoding") !== undefined;
}
