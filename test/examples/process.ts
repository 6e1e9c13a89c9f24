/** Processes for the tests of examples: each in a group of its own, as a terminal makes them, and ended with its tests. */
import { spawn, type ChildProcess } from "node:child_process";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export const ROOT = resolve(__dirname, "../..");

export interface Exit {
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
}

/** A process, all that it printed, and how it ended. */
export class TestProcess {
    static readonly #running = new Set<TestProcess>();

    /** Both are complete once `exit` is settled. */
    stdout = "";
    stderr = "";
    /** Settles when the process is gone and has nothing more to say. */
    readonly exit: Promise<Exit>;
    readonly #child: ChildProcess;
    #wake: () => void = () => undefined;

    constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = ROOT) {
        this.#child = spawn(command, args, {
            cwd,
            detached: true,
            env: { ...process.env, ...env },
            stdio: ["ignore", "pipe", "pipe"],
        });
        this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
            this.stdout += text;
            this.#wake();
        });
        this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
        TestProcess.#running.add(this);
        this.exit = new Promise((done, fail) => {
            this.#child.on("error", fail);
            this.#child.on("close", (code, signal) => {
                TestProcess.#running.delete(this);
                this.#wake();
                done({ code, signal });
            });
        });
    }

    /** Runs `examples/<name>/main.ts`. */
    static example(name: string, args: readonly string[] = [], env?: Readonly<Record<string, string>>): TestProcess {
        return new TestProcess(process.execPath, ["--import", "tsx", `examples/${name}/main.ts`, ...args], env);
    }

    /** Ends what a test that failed has left: each one, whatever the others do. One that is left keeps mocha from ending. */
    static async endAll(): Promise<void> {
        const left = [...this.#running];
        for (const each of left) {
            try {
                each.signalGroup("SIGKILL");
            } catch (error) {
                // It has ended, but not all of its output is read yet
                if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
            }
        }
        await Promise.allSettled(left.map(({ exit }) => exit));
    }

    /** False once `exit` is settled. */
    get isRunning(): boolean {
        return TestProcess.#running.has(this);
    }

    get pid(): number {
        return this.#child.pid!;
    }

    /** What Ctrl-C does: the signal goes to the process and to all that it started. */
    signalGroup(signal: NodeJS.Signals): void {
        process.kill(-this.pid, signal);
    }

    /**
     * Resolves when neither the process nor any that it started is left. There is no event for that; what tsx compiles with may
     * take a moment longer than the rest.
     */
    async groupGone(): Promise<void> {
        for (;;) {
            try {
                process.kill(-this.pid, 0);
            } catch {
                return;
            }
            await delay(10);
        }
    }

    /** Waits until the output so far matches; rejects if the process ends without it. */
    async printed(pattern: RegExp): Promise<RegExpExecArray> {
        for (;;) {
            const match = pattern.exec(this.stdout);
            if (match !== null) return match;
            if (!this.isRunning) throw new Error(`${String(pattern)} never came:\n${this.stdout}${this.stderr}`);
            await new Promise<void>((wake) => (this.#wake = wake));
        }
    }
}
