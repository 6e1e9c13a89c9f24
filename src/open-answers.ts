/** The requests that a server is answering: when it stops, those that take too long get an error in place of their answer. */
import { SseScError } from "../lib/errors";
import type { RequestMessage } from "../lib/messages";
import { unknownOutcome } from "../lib/pending-requests";
import type { Caller } from "./subscribers";

interface OpenAnswer {
    readonly request: RequestMessage;
    readonly reject: (error: SseScError) => void;
}

/** The requests that are being answered, by who waits for it. */
export class OpenAnswers {
    readonly #open = new Map<Caller, Set<OpenAnswer>>();
    #onNone: (() => void) | undefined;

    /**
     * Waits for an answer.
     * @throws what `answer` rejects with; OUTCOME_UNKNOWN, or CONNECTION_LOST if repeating it does no harm, where `finish` has no more time
     */
    wait(caller: Caller, request: RequestMessage, answer: Promise<unknown>): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const open: OpenAnswer = { request, reject };
            const ofCaller = this.#open.get(caller);
            if (ofCaller === undefined) this.#open.set(caller, new Set([open]));
            else ofCaller.add(open);
            answer.then(
                (output) => {
                    this.#settled(caller, open);
                    resolve(output);
                },
                (error: unknown) => {
                    this.#settled(caller, open);
                    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it came
                    reject(error);
                }
            );
        });
    }

    /** Nobody waits for the answers to this caller any more. */
    left(caller: Caller): void {
        if (this.#open.delete(caller) && this.#open.size === 0) this.#onNone?.();
    }

    /** Waits until nothing is open, so many milliseconds at most; what is open then fails. */
    async finish(timeout: number): Promise<void> {
        if (this.#open.size === 0) return;
        await new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, timeout);
            this.#onNone = () => {
                clearTimeout(timer);
                resolve();
            };
        });
        this.#onNone = undefined;
        const stopped = new SseScError("ALREADY_CLOSED", "The server stopped");
        for (const ofCaller of this.#open.values()) {
            for (const { request, reject } of ofCaller) reject(unknownOutcome(request, "CONNECTION_LOST", stopped));
        }
        this.#open.clear();
    }

    #settled(caller: Caller, open: OpenAnswer): void {
        const ofCaller = this.#open.get(caller);
        if (ofCaller?.delete(open) === true && ofCaller.size === 0) this.left(caller);
    }
}
