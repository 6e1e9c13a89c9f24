/** An agent of the reference's kind: answers the requests that come on its stream by POSTs. It imports nothing of the product. */
import type { Block, Envelope } from "./event-stream";
import type { RawClient, RawResponse } from "./raw-client";

/** A client with an open stream, as an agent uses it. */
export class RawAgent {
    /** Requests as they came, in that order. */
    readonly requests: Envelope[] = [];

    constructor(readonly client: RawClient) {}

    /** The next request on the stream that fits the members given. */
    async request(members: Envelope = {}): Promise<Envelope> {
        const fits = ({ event, json }: Block): boolean =>
            event === "request" && Object.entries(members).every(([name, value]) => json?.[name] === value);
        const block = await this.#stream.next(fits);
        const request = block.json ?? {};
        this.requests.push(request);
        return request;
    }

    /** Answers a request; `members` are those of the outcome, such as `output` or `status` and `error`. */
    respond(request: Envelope, members: Envelope = {}): Promise<RawResponse> {
        const { operation, thingID, name, correlationID } = request;
        return this.client.post("/hiveot/response", {
            messageType: "response",
            operation,
            thingID,
            name,
            correlationID,
            messageID: `m-${String(correlationID)}`,
            senderID: "",
            status: "completed",
            timestamp: new Date().toISOString(),
            ...members,
        });
    }

    /** Takes the next request that fits and answers it. */
    async serve(members: Envelope, outcome: Envelope = {}): Promise<Envelope> {
        const request = await this.request(members);
        await this.respond(request, outcome);
        return request;
    }

    /** Publishes an event or a property value; progress with `affordanceType: "action"`. */
    notify(members: Envelope): Promise<RawResponse> {
        return this.client.post("/hiveot/notification", {
            messageType: "notification",
            affordanceType: "event",
            messageID: `n-${String(Math.random())}`,
            senderID: String(members["thingID"]),
            timestamp: new Date().toISOString(),
            ...members,
        });
    }

    get #stream() {
        if (this.client.stream === undefined) throw new Error("The agent has no stream");
        return this.client.stream;
    }
}
