/**
 * Finds out that a server has fallen silent: a half-open TCP connection or a frozen process never tells (design.md, "Delivery").
 *
 * A server that announces heartbeats is gone when 2.5 of them stayed away. One that announces none, as HiveOT's own, is asked for a sign
 * of life whenever it was silent for a while.
 */
import { SseScError, toSseScError } from "../../lib/errors";

/** Heartbeats that a server may miss before it counts as gone. */
const SILENT_HEARTBEATS = 2.5;

export interface StreamWatchdogOptions {
    /** Milliseconds between the heartbeats that the server announces; 0 if it announces none. */
    readonly heartbeatInterval: number;
    /** Milliseconds of silence after which a server that announces none is asked. */
    readonly pingInterval: number;
    /** Asks the server; rejects with `TIMEOUT` if it does not answer. `undefined` if there is no need to know. */
    readonly ping: () => Promise<void> | undefined;
    /** Called once, when the server counts as gone. */
    readonly onSilent: (error: SseScError) => void;
}

/** Watches one open stream. */
export class StreamWatchdog {
    readonly #options: StreamWatchdogOptions;
    /** Milliseconds of silence until something is done. */
    readonly #patience: number;
    readonly #timer: NodeJS.Timeout;
    /** Grows with whatever comes. */
    #heard = 0;
    #stopped = false;

    constructor(options: StreamWatchdogOptions) {
        const { heartbeatInterval, pingInterval } = options;
        this.#options = options;
        this.#patience = heartbeatInterval > 0 ? heartbeatInterval * SILENT_HEARTBEATS : pingInterval;
        this.#timer = setTimeout(() => {
            const heard = this.#heard;
            // An event loop that stood still runs its timers ahead of what has come in the meantime.
            setImmediate(() => {
                if (!this.#stopped && heard === this.#heard) void this.#silent(heard);
            });
        }, this.#patience);
        this.#timer.unref();
    }

    /** Something came on the stream. */
    heard(): void {
        this.#heard++;
        if (!this.#stopped) this.#timer.refresh();
    }

    stop(): void {
        this.#stopped = true;
        clearTimeout(this.#timer);
    }

    /** Never rejects. */
    async #silent(heard: number): Promise<void> {
        const { heartbeatInterval, ping, onSilent } = this.#options;
        if (heartbeatInterval === 0 && !(await isSilent(ping()))) {
            if (!this.#stopped) this.#timer.refresh();
            return;
        }
        if (this.#stopped || heard !== this.#heard) return;
        this.stop();
        const silence = `Nothing was heard from the server for ${String(Math.round(this.#patience))} ms`;
        onSilent(new SseScError("CONNECTION_LOST", silence));
    }
}

/** True if no answer came in time. Any other failure is an answer, or shows elsewhere. */
async function isSilent(answer: Promise<void> | undefined): Promise<boolean> {
    try {
        await answer;
        return false;
    } catch (error) {
        return toSseScError(error).code === "TIMEOUT";
    }
}
