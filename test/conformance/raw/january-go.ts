/**
 * The connection of HiveOT's Go client of January 2026 (HiveKit a660810, go-sse 0.11), as it was seen to dial and to come back: the
 * same headers each time, the same `cid`, and from the second time on `Last-Event-ID`, which is the id of the last whole block it has
 * read, an `sse-ping` too. It says nothing of features, and subscribes to nothing again.
 */
import { type Envelope, type RawStream } from "./event-stream";
import { freshId, RawClient, type Wire } from "./raw-client";

export class JanuaryGoClient extends RawClient {
    /** Every stream so far. */
    readonly streams: RawStream[] = [];
    #lastEventId = "";

    constructor(
        wire: Wire,
        token: string | undefined,
        private readonly connectionId: string = freshId("go")
    ) {
        super(wire, "rrn-2025");
        this.token = token;
    }

    /** The id of the last whole block that it has read; empty if there was none. */
    get lastEventId(): string {
        const ids = this.stream?.blocks.flatMap(({ id }) => id ?? []) ?? [];
        return ids.at(-1) ?? this.#lastEventId;
    }

    /** Opens its stream, for the first time or again, up to the reply. */
    async dial(): Promise<RawStream> {
        const { lastEventId } = this;
        const stream = await this.openStream({
            cid: this.connectionId,
            headers: {
                origin: "https://localhost:8444",
                "content-type": "application/JSON",
                "accept-encoding": "gzip",
                cache: "no-cache",
                "user-agent": "Go-http-client/2.0",
                ...(lastEventId === "" ? {} : { "last-event-id": lastEventId }),
            },
        });
        if (stream.status !== 200) throw new Error(`Ends for good: ${String(stream.status)} ${stream.body}`);
        this.#lastEventId = lastEventId;
        this.streams.push(stream);
        return stream;
    }

    /** The same, up to the `sse-ping`; then it counts itself connected. @returns the id of that */
    async connected(): Promise<string | undefined> {
        const stream = await this.dial();
        return (await stream.next(({ event }) => event === "sse-ping")).id;
    }

    /** This client on another wire: what it knows goes with it. */
    by(wire: Wire): JanuaryGoClient {
        const moved = new JanuaryGoClient(wire, this.token, this.connectionId);
        moved.#lastEventId = this.lastEventId;
        return moved;
    }

    /** Values of all notifications of an event or property, over all streams. */
    heard(name: string): unknown[] {
        return this.#all("notification").flatMap((json) => (json["name"] === name ? [json["value"]] : []));
    }

    /** How often a request or response with this correlation id came, over all streams. */
    came(event: "request" | "response", correlationId: unknown): number {
        return this.#all(event).filter((json) => json["correlationID"] === correlationId).length;
    }

    #all(event: string): Envelope[] {
        return this.streams.flatMap(({ blocks }) =>
            blocks.flatMap((block) => (block.event === event && block.json !== undefined ? [block.json] : []))
        );
    }
}
