/** A wire made of the `curl` program: what a person at a terminal would send. Imports nothing of the product. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { RawStream, type ReadBlock, type ReplyHeaders } from "./event-stream";
import type { RawRequest, RawResponse, RequestHeaders, Wire } from "./raw-client";

export interface CurlOptions {
    /** `https://host:port` or `http://host:port`, without a path. */
    origin: string;
    /** File with the certificate to trust. */
    caFile?: string | undefined;
    version: "--http1.1" | "--http2";
}

let features: string | undefined;

/** Whether there is a curl, and one that speaks HTTP/2 if that is asked for. */
export function curlHas(version: CurlOptions["version"]): boolean {
    features ??= spawnSync("curl", ["--version"], { encoding: "utf8" }).stdout;
    return version === "--http2" ? features.includes("HTTP2") : features.includes("curl");
}

/** Each request is one run of `curl -s`, each stream one of `curl -sN`. */
export class CurlWire implements Wire {
    readonly #options: CurlOptions;
    readonly #running = new Set<ChildProcess>();

    constructor(options: CurlOptions) {
        this.#options = options;
    }

    request(method: string, path: string, { headers = {}, body }: RawRequest = {}): Promise<RawResponse> {
        const args = ["-s", "-i", "-X", method, ...this.#common(path, headers)];
        if (body !== undefined) args.push("--data-binary", "@-");
        const child = this.#start(args);
        const chunks: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
        child.stdin.on("error", () => undefined); // curl may stop reading once the server refuses
        child.stdin.end(body);
        return new Promise((resolve, reject) => {
            child.on("error", reject);
            child.on("close", (code) => {
                const reply = splitReply(Buffer.concat(chunks).toString("utf8"));
                if (reply === undefined) reject(new Error(`curl ${args.join(" ")} ended with ${String(code)}`));
                else resolve({ status: reply.status, headers: reply.headers, body: reply.rest });
            });
        });
    }

    openStream(path: string, headers: RequestHeaders, read?: ReadBlock): Promise<RawStream> {
        const child = this.#start(["-sN", "-i", ...this.#common(path, headers)]);
        child.stdin.end();
        child.stdout.setEncoding("utf8");
        return new Promise((resolve, reject) => {
            let text = "";
            let stream: RawStream | undefined;
            child.stdout.on("data", (chunk: string) => {
                if (stream !== undefined) {
                    stream.feed(chunk);
                    return;
                }
                text += chunk;
                const reply = splitReply(text);
                if (reply?.status !== 200) return; // a refusal is read to its end
                const kill = (): boolean => child.kill();
                stream = new RawStream(reply.status, reply.headers, "", kill, () => undefined, read);
                stream.feed(reply.rest);
                resolve(stream);
            });
            child.on("error", reject);
            child.on("close", (code) => {
                if (stream !== undefined) {
                    stream.end();
                    return;
                }
                const reply = splitReply(text);
                if (reply === undefined) {
                    reject(new Error(`curl -sN ${path} ended with ${String(code)}`));
                    return;
                }
                const refusal = new RawStream(reply.status, reply.headers, reply.rest, () => undefined);
                refusal.end();
                resolve(refusal);
            });
        });
    }

    async close(): Promise<void> {
        await Promise.all(
            [...this.#running].map(
                (child) =>
                    new Promise<void>((resolve) => {
                        child.once("close", () => {
                            resolve();
                        });
                        child.kill();
                    })
            )
        );
    }

    #common(path: string, headers: RequestHeaders): string[] {
        const { origin, caFile, version } = this.#options;
        const args: string[] = [version, "--path-as-is", "--globoff", "-H", "Expect:"];
        if (caFile !== undefined) args.push("--cacert", caFile);
        for (const [name, value] of Object.entries(headers)) {
            if (value !== undefined) args.push("-H", value === "" ? `${name};` : `${name}: ${value}`);
        }
        return [...args, origin + path];
    }

    #start(args: string[]) {
        const child = spawn("curl", args, { stdio: ["pipe", "pipe", "ignore"] });
        this.#running.add(child);
        child.on("close", () => this.#running.delete(child));
        return child;
    }
}

interface Reply {
    readonly status: number;
    readonly headers: ReplyHeaders;
    readonly rest: string;
}

/** Cuts what `curl -i` prints into head and body, past any interim (1xx) reply. `undefined` until the head is whole. */
function splitReply(text: string): Reply | undefined {
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const rest = text.slice(end + 4);
    const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
    const status = Number(statusLine.split(" ")[1]);
    if (status < 200) return splitReply(rest);
    const headers = lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    });
    return { status, headers: Object.fromEntries(headers), rest };
}
