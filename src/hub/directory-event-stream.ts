/** One event stream of the directory (WoT Discovery, "Notification API"). It reads the feed as fast as its client takes it. */
import type { ServerResponse } from "node:http";
import type { ChangeFeed, NumberedChange } from "./change-feed";
import type { DirectoryClient } from "./directory-http";
import type { DirectoryChange, DirectoryRecord, Json } from "./directory-records";
import { createMergePatch } from "./merge-patch";

/** Heartbeats after which a client that reads nothing loses its stream. */
const MAX_STALLS = 2;

/** What a stream carries. */
export interface StreamRequest {
    /** The only type of event, or all. */
    readonly type: DirectoryChange["type"] | undefined;
    /** Whether events carry what changed. */
    readonly diff: boolean;
    readonly lastEventId: string | undefined;
}

/** An open event stream. Nothing is queued for it: what it has not written yet is in the feed. */
export class DirectoryEventStream {
    #position: number;
    #blocked = false;
    #stalls = 0;
    #ended = false;

    constructor(
        readonly client: DirectoryClient,
        private readonly response: ServerResponse,
        private readonly feed: ChangeFeed,
        private readonly request: StreamRequest,
        private readonly render: (record: DirectoryRecord) => Json
    ) {
        this.#position = feed.positionAfter(request.lastEventId);
        response.on("drain", () => {
            this.#blocked = false;
            this.#stalls = 0;
            this.pump();
        });
        response.once("close", () => (this.#ended = true));
        this.#write(": \n\n"); // the headers leave with it
    }

    /** Writes what has not been written, as far as the client takes it. One that falls behind the feed loses its stream. */
    pump(): void {
        if (this.#position + 1 < this.feed.first) this.destroy();
        while (!this.#blocked && !this.#ended) {
            const next = this.feed.after(this.#position);
            if (next === undefined) return;
            this.#position = next.sequence;
            const { type } = this.request;
            if (type === undefined || type === next.change.type) this.#write(this.#frame(next));
        }
    }

    /** Writes a comment, or, where nothing gets through, gives up after a while. */
    heartbeat(): void {
        if (!this.#blocked) this.#write(": \n\n");
        else if (++this.#stalls > MAX_STALLS) this.destroy();
    }

    /** Ends the stream after what was written. */
    end(): void {
        if (this.#blocked) this.destroy();
        else if (!this.#ended) this.response.end();
        this.#ended = true;
    }

    /** Cuts the stream: an orderly end would wait for a client that reads nothing. */
    destroy(): void {
        this.#ended = true;
        this.response.destroy();
    }

    #write(text: string): void {
        if (!this.#ended) this.#blocked = !this.response.write(text);
    }

    /** The data is JSON: it has no line breaks. */
    #frame({ sequence, change }: NumberedChange): string {
        const data = JSON.stringify(this.#data(change));
        return `event: thing_${change.type}\nid: ${this.feed.idOf(sequence)}\ndata: ${data}\n\n`;
    }

    #data({ id, before, after }: DirectoryChange): Json {
        if (!this.request.diff || after === undefined) return { id };
        const td = this.render(after);
        return before === undefined ? td : { id, ...createMergePatch(this.render(before), td) };
    }
}
