/**
 * The recorded client against our server: what the reference's consumer and the curl of the recordings sent, byte for byte, must
 * get what it got from the reference, but for ids, times and what protocol.md calls a defect.
 */
import { expect } from "chai";
import { type SetUp, sharedSetUps, TRANSPORTS } from "../support/set-ups";
import { type Block, type Envelope, parseBlock } from "./raw/event-stream";
import type { RawClient, RequestHeaders } from "./raw/raw-client";
import { type Exchange, readRecording } from "./raw/recordings";
import { req } from "./requirements";

/** Members whose values differ from run to run, or of which protocol.md says that both ways are right. */
const VARYING = new Set(["messageID", "timestamp", "consumerID", "senderID", "created"]);

/** An envelope without what varies. Progress: the reference leaves out ids and names that ours fills in (protocol.md). */
function comparable(envelope: unknown): unknown {
    if (Array.isArray(envelope)) return envelope.map(comparable);
    if (typeof envelope !== "object" || envelope === null) return envelope;
    const entries = Object.entries(envelope as Envelope).filter(([name]) => !VARYING.has(name));
    return Object.fromEntries(entries.map(([name, value]) => [name, comparable(value)]));
}

/** Of progress only what both have: the status and how far it got. */
function progressOf({ affordanceType, thingID, name, value }: Envelope): unknown {
    const { status, output } = value as Envelope;
    return { affordanceType, thingID, name, status, output };
}

/** Errors: what they say is each server's own; that there is one, and its HTTP status class, is not. */
function withoutErrorText(value: unknown): unknown {
    return JSON.parse(
        JSON.stringify(value, (key, each: unknown) =>
            key === "error" ? Math.floor((each as { status: number }).status / 100) : each
        )
    ) as unknown;
}

function essence({ event, json = {} }: Block): unknown {
    if (json["affordanceType"] === "action") return { event, progress: progressOf(json) };
    return { event, envelope: withoutErrorText(comparable(json)) };
}

/** What our blocks say must be what the recorded ones say; notifications and the response in any order (protocol.md). */
function compare(ours: readonly Block[], recorded: readonly string[]): void {
    const expected = recorded.map((raw) => essence(parseBlock(raw)));
    expect(ours.map(essence)).to.have.deep.members(expected);
}

/** Why ours answers another status than the recorded one. */
const OTHER_STATUS: Readonly<Record<number, { status: number; why: string }>> = {
    3: { status: 201, why: "a missing clientID is served: the token says who it is" },
    18: { status: 204, why: "protocol.md, Known weaknesses: a response without a stream crashes the handler" },
    23: { status: 400, why: "a log-in that is not JSON is malformed, not refused" },
    24: { status: 400, why: "a log-in without a user name is malformed, not refused" },
    26: { status: 400, why: "the member `login` belongs to the dialect of 2025" },
    31: { status: 400, why: "a stream without cid could never be used: the reference opens it and refuses every POST" },
    34: { status: 204, why: "a response that nobody waits for is dropped" },
    41: { status: 201, why: "a doubled cid replaces the old stream; the reference kills both" },
};

describe("recordings", () => {
    const setUps = sharedSetUps({ things: "recorded" });

    for (const transport of TRANSPORTS) {
        describe(`over ${transport}`, () => {
            let setUp: SetUp;
            let client: RawClient;

            before(async () => {
                setUp = await setUps(transport);
            });

            beforeEach(async () => {
                client = await setUp.connected(transport, "admin");
            });

            afterEach(() => client.close());

            async function replay({ path, headers, body, envelope }: Exchange): Promise<Block[]> {
                const before = client.stream?.blocks.length ?? 0;
                const recorded: RequestHeaders = { "content-type": headers["content-type"] };
                expect(await client.post(path, body, recorded)).to.include({ status: 201, body: "" });
                await client.stream?.response(envelope?.["correlationID"] as string);
                // What the request caused is on the stream by now, before or after its response; what follows a pong is not its.
                const id = `end of ${String(envelope?.["correlationID"])}`;
                await client.call({ operation: "ping", correlationID: id });
                return (client.stream?.blocks ?? [])
                    .slice(before)
                    .filter(({ json, comment }) => comment === undefined && json?.["correlationID"] !== id);
            }

            req("REC-operations", "every recorded operation gets its recorded answer", async () => {
                const exchanges = readRecording("consumer-operations.jsonl").slice(1);
                expect(exchanges).to.have.length(28);
                setUp.counter.count = 3;
                for (const exchange of exchanges) compare(await replay(exchange), exchange.blocks);
            });

            req("REC-errors", "every recorded failure fails", async () => {
                const exchanges = readRecording("consumer-errors.jsonl").slice(1);
                const answered = exchanges.filter(({ blocks }) => blocks.length > 0);
                expect(answered).to.have.length(8);
                for (const exchange of answered) {
                    const [response, ...more] = await replay(exchange);
                    expect(more).to.deep.equal([]);
                    const { operation, thingID, name, correlationID } = exchange.envelope ?? {};
                    expect(response?.json).to.include({ status: "failed", operation, thingID, name, correlationID });
                    expect(response?.json?.["error"]).to.be.an("object");
                }
            });

            for (const exchange of readRecording("protocol-errors.jsonl")) {
                const { n, method, path, headers, body, note, reply, envelope } = exchange;
                const other = OTHER_STATUS[n];
                const status = other?.status ?? reply.status;
                const why = other === undefined ? "" : ` (${other.why})`;
                if (note === "well-known") continue; // the TDs differ, and have tests of their own
                req("REC-http-errors", `${String(n)} ${String(note)}: ${String(status)}${why}`, async () => {
                    const manager = await setUp.connected(transport, "manager");
                    try {
                        // The cids with a stream in the recording: from 31 on `z1`; before that none.
                        const open = n >= 33 && n !== 40;
                        const cid = headers["cid"] === undefined ? undefined : open ? manager.cid : `none-${String(n)}`;
                        const token = String(manager.token);
                        const sent: RequestHeaders = {
                            authorization: headers["authorization"]?.replace("<jwt>", token),
                            cid: n === 3 || n === 4 ? manager.cid : cid,
                            clientid: headers["clientid"],
                            "content-type": headers["content-type"],
                        };
                        if (method === "GET" && path === "/hiveot/ssesc") {
                            const stream = await manager.wire.openStream(path, sent);
                            expect(stream.status).to.equal(status);
                            stream.destroy();
                            return;
                        }
                        const got = await manager.request(method, path, {
                            headers: sent,
                            ...(body === "" ? {} : { body }),
                        });
                        expect(got.status).to.equal(status);
                        if (status === 405)
                            expect(got.headers["allow"]?.split(/, */)).to.include(reply.headers["allow"]);
                        if (status === 401 && reply.headers["www-authenticate"] !== undefined) {
                            expect(got.headers["www-authenticate"]).to.match(/^Bearer\b/);
                        }
                        if (status !== 201) return;
                        const response = await manager.stream?.next(({ event }) => event === "response");
                        expect(response?.json).to.include({ operation: envelope?.["operation"], status: "completed" });
                    } finally {
                        await manager.close();
                    }
                });
            }
        });
    }
});
