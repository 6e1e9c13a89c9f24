/** The requests that a server is answering: when it stops, those that take too long get an error in place of their answer. */
import { SseScError } from "../lib/errors";
import type { RequestMessage } from "../lib/messages";
import { unknownOutcome } from "../lib/pending-requests";

interface OpenAnswer {
    readonly request: RequestMessage;
    readonly reject: (error: SseScError) => void;
}

/** The requests that are being answered. */
export class OpenAnswers {
    readonly #open = new Set<OpenAnswer>();
    #onNone: (() => void) | undefined;

    /**
     * Waits for an answer.
     * @throws what `answer` rejects with; OUTCOME_UNKNOWN, or TIMEOUT if repeating it does no harm, where `fail` comes first
     */
    wait(request: RequestMessage, answer: Promise<unknown>): Promise<unknown> {
        return new Promise((resolve, reject) => {
            const open: OpenAnswer = { request, reject };
            this.#open.add(open);
            const settled = (): void => {
                if (this.#open.delete(open) && this.#open.size === 0) this.#onNone?.();
            };
            answer.then(
                (output) => {
                    settled();
                    resolve(output);
                },
                (error: unknown) => {
                    settled();
                    reject(error as Error); // as it came
                }
            );
        });
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
        for (const { request, reject } of this.#open) reject(unknownOutcome(request, "TIMEOUT", stopped));
        this.#open.clear();
    }
}
