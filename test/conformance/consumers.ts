/** What the scenarios ask of a consumer, whatever it is made of. */
/** What an operation is about. */
export interface Target {
    readonly thingId?: string;
    readonly name?: string;
    readonly input?: unknown;
    readonly uriVariables?: Readonly<Record<string, string | number>>;
}

interface Success {
    readonly ok: true;
    readonly output: unknown;
}

export interface Failure {
    readonly ok: false;
    readonly status: number;
    /** Our code; empty if the problem type is none of ours. */
    readonly code: string;
    readonly title: string;
}

/** How an operation ended. */
export type Outcome = Success | Failure;

/** A notification. */
export interface Heard {
    readonly affordance: "property" | "event" | "action";
    readonly thingId: string;
    readonly name: string;
    /** The value; of progress the progress itself. */
    readonly value: unknown;
}

/** A subscription that was acknowledged. */
export interface Listening {
    /** Everything that came, in order. */
    readonly heard: readonly Heard[];
    /** The next one that no earlier call has returned. */
    next(): Promise<Heard>;
    stop(): Promise<void>;
}

/** An invocation under way. */
export interface Running {
    /** The action id. */
    readonly id: string;
    readonly outcome: Promise<Outcome>;
    /** The progress that came until now. */
    progress(): readonly unknown[];
}

/** Somebody who consumes Things. */
export interface Consumer {
    readonly clientId: string;
    perform(operation: string, target?: Target): Promise<Outcome>;
    /** Starts a subscription; rejects if it is refused. */
    listen(operation: string, target?: Target): Promise<Listening>;
    /** Starts an invocation of which the progress is of interest. */
    invoke(target: Target): Running;
    close(): Promise<void>;
}

/** A list that grows under a test. */
export class Inbox<T> {
    readonly all: T[] = [];
    #read = 0;
    #wake: (() => void)[] = [];

    push(item: T): void {
        this.all.push(item);
        const wake = this.#wake;
        this.#wake = [];
        for (const each of wake) each();
    }

    /** The next item that no earlier call has returned. */
    async next(timeoutMs: number): Promise<T> {
        const index = this.#read;
        this.#read += 1;
        if (index >= this.all.length) await this.#grown(index, timeoutMs);
        return this.all[index] as T;
    }

    #grown(index: number, timeoutMs: number): Promise<void> {
        return new Promise((resolve, reject) => {
            const timer = setTimeout(() => {
                reject(new Error(`Item ${String(index + 1)} did not come: ${JSON.stringify(this.all)}`));
            }, timeoutMs);
            const look = (): void => {
                if (index < this.all.length) {
                    clearTimeout(timer);
                    resolve();
                } else this.#wake.push(look);
            };
            look();
        });
    }
}
