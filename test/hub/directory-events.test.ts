/** The Notification API of the directory (wot-http.md, "Events API"), over each transport. */
import { expect } from "chai";
import { once } from "node:events";
import type { Block, RawStream } from "../conformance/raw/event-stream";
import { req } from "../conformance/requirements";
import { TRANSPORTS } from "../support/set-ups";
import { authenticate, ServedDirectory } from "./directory-server";
import { ALICE, tdOf } from "./harness";

function isEvent({ event }: Block): boolean {
    return event !== undefined;
}

/** The next event of a stream: its type and its data. */
async function nextEvent(stream: RawStream): Promise<{ type: string; data: unknown; id: string }> {
    const { event = "", data = "", id = "" } = await stream.next(isEvent);
    return { type: event, data: JSON.parse(data) as unknown, id };
}

for (const transport of TRANSPORTS) {
    describe(`the events of the directory, ${transport}`, () => {
        let directory: ServedDirectory;

        beforeEach(async () => {
            directory = await ServedDirectory.start(transport);
        });

        async function writeAll(): Promise<void> {
            await directory.send("PUT", "/things/a", { body: tdOf("a") });
            await directory.send("PATCH", "/things/a", { body: { title: "New", "ex:n": { x: 1 } } });
            await directory.send("DELETE", "/things/a");
        }

        req(["TDD-30", "TDD-31", "TDD-33"], "are sent at /events: type, id and the id of the Thing", async () => {
            const stream = await directory.events();
            expect(stream.status).to.equal(200);
            expect(stream.headers).to.include({
                "content-type": "text/event-stream",
                "cache-control": "no-cache, no-transform",
                "x-accel-buffering": "no",
            });
            await writeAll();
            const ids = new Set<string>();
            for (const type of ["thing_created", "thing_updated", "thing_deleted"]) {
                const event = await nextEvent(stream);
                expect(event).to.deep.include({ type, data: { id: "a" } });
                ids.add(event.id);
            }
            expect(ids.size).to.equal(3);
            expect([...ids]).not.to.include("");
        });

        req("TDD-32", "are filtered at /events/{type}", async () => {
            const streams = {
                thing_created: await directory.events("/events/thing_created"),
                thing_updated: await directory.events("/events/thing_updated"),
                thing_deleted: await directory.events("/events/thing_deleted"),
            };
            const all = await directory.events();
            await writeAll();
            for (let i = 0; i < 3; i++) await nextEvent(all);
            for (const [type, stream] of Object.entries(streams)) {
                expect((await nextEvent(stream)).type).to.equal(type);
                expect(stream.blocks.filter(isEvent)).to.have.length(1);
            }
        });

        req("TDD-34", "are sent again after Last-Event-ID", async () => {
            const stream = await directory.events();
            await writeAll();
            const first = await nextEvent(stream);
            stream.destroy();
            const resumed = await directory.events("/events", { "last-event-id": first.id });
            expect((await nextEvent(resumed)).type).to.equal("thing_updated");
            const last = await nextEvent(resumed);
            expect(last.type).to.equal("thing_deleted");
            const filtered = await directory.events("/events/thing_deleted", { "last-event-id": first.id });
            expect(await nextEvent(filtered)).to.deep.equal(last);
            const anew = ["other-1", "nonsense", "", `${last.id.slice(0, 8)}-99`];
            for (const id of anew) {
                const fresh = await directory.events("/events", { "last-event-id": id });
                await directory.send("PUT", `/things/x${anew.indexOf(id)}`, { body: tdOf(undefined, { title: "T" }) });
                expect((await nextEvent(fresh)).data).to.deep.equal({ id: `x${anew.indexOf(id)}` });
            }
        });

        req(
            ["TDD-35", "TDD-36"],
            "carry what changed with diff=true: the TD, a merge patch, the id alone",
            async () => {
                const stream = await directory.events("/events?diff=true");
                await writeAll();
                const created = await nextEvent(stream);
                const data = created.data as Record<string, unknown>;
                expect(data["base"]).to.match(/^https:\/\/127\.0\.0\.1/); // as GET shows it to this client
                expect({ ...data, base: undefined }).to.deep.equal({ ...tdOf("a"), base: undefined });
                expect((await nextEvent(stream)).data).to.deep.equal({ id: "a", title: "New", "ex:n": { x: 1 } });
                expect((await nextEvent(stream)).data).to.deep.equal({ id: "a" });
                expect((await directory.events("/events?diff=maybe")).status).to.equal(400);
                expect((await directory.events("/events/thing_renamed")).status).to.equal(404);
            }
        );

        it("come with comments where nothing happens", async () => {
            directory = await ServedDirectory.start(transport, { heartbeatInterval: 10 });
            const stream = await directory.events();
            for (let i = 0; i < 3; i++)
                expect((await stream.next(({ comment }) => comment === "")).raw).to.equal(": \n\n");
        });

        it("end with the token, with the session, and with the server", async () => {
            const ending = await directory.events("/events", {}, "viewer:victor:50");
            const victors = await directory.events();
            const [bobs, carols] = [
                await directory.events("/events", {}, "viewer:bob"),
                await directory.events("/events", {}, "viewer:carol"),
            ];
            await ending.closed;
            directory.routes.endStreams("victor", "another session");
            await directory.send("PUT", "/things/a", { body: tdOf("a") });
            await nextEvent(victors);
            directory.routes.endStreams("victor", "session of victor");
            await victors.closed;
            directory.routes.endStreams("bob");
            await bobs.closed;
            expect(carols.ended).to.equal(false);
            directory.routes.close();
            await carols.closed;
            expect((await directory.events()).status).to.equal(503);
        });

        it("are limited in streams, per client and in all; what was closed counts no more", async () => {
            directory = await ServedDirectory.start(transport, { maxStreams: 3, maxStreamsPerClient: 2 });
            const first = await directory.events();
            await directory.events();
            const refused = await directory.events();
            expect(refused.status).to.equal(503);
            expect(refused.headers["retry-after"]).to.equal("1");
            await directory.events("/events", {}, "viewer:bob");
            expect((await directory.events("/events", {}, "viewer:carol")).status).to.equal(503);
            first.destroy();
            let status = 503;
            const deadline = Date.now() + 3_000;
            while (status === 503 && Date.now() < deadline) {
                status = (await directory.events("/events", {}, "viewer:carol")).status;
            }
            expect(status).to.equal(200);
        });

        it("are not sent to a client that left while it was authenticated", async () => {
            let asked: () => void = () => undefined;
            let answer: () => void = () => undefined;
            const asking = new Promise<void>((resolve) => (asked = resolve));
            const answering = new Promise<void>((resolve) => (answer = resolve));
            let calls = 0;
            directory = await ServedDirectory.start(transport, {
                maxStreams: 1,
                authenticate: async (request) => {
                    const client = await authenticate(request);
                    if (++calls > 1) return client;
                    const closed = once(request.socket, "close");
                    asked();
                    await closed;
                    answer();
                    return client;
                },
            });
            const leaving = directory.events().catch(() => undefined);
            await asking;
            await directory.wire.close();
            await leaving;
            await answering;
            const { status } = await directory.anotherClient().events();
            expect(status).to.equal(200);
        });

        it("wait for a slow reader until they are too many, then its stream is cut; nobody else waits", async () => {
            directory = await ServedDirectory.start(transport, { maxStreamsPerClient: 1 });
            const slow = await directory.events("/events?diff=true", {}, "viewer:slow");
            await slow.next(({ comment }) => comment !== undefined);
            slow.pause();
            const again = async (): Promise<number> => (await directory.events("/events", {}, "viewer:slow")).status;
            expect(await again()).to.equal(503);
            const quick = await directory.events();
            const description = "x".repeat(200_000);
            for (let i = 0; i < 60; i++) {
                await directory.store.put(tdOf(`t${i}`, { description }), ALICE);
                await nextEvent(quick);
            }
            expect((await directory.send("GET", "/things?limit=1")).status).to.equal(200);
            expect(await again()).to.equal(200);
            expect(slow.blocks.filter(isEvent).length).to.be.below(60);
        });
    });
}

describe("the events of the directory", () => {
    // On HTTP/1.1 the buffers of the kernel take more than the feed keeps: there the stream is cut for falling behind
    it("are cut for a client that reads nothing over several heartbeats", async () => {
        const directory = await ServedDirectory.start("TLS h2", { maxStreamsPerClient: 1, heartbeatInterval: 20 });
        const frozen = await directory.events("/events?diff=true", {}, "viewer:frozen");
        await frozen.next(({ comment }) => comment !== undefined);
        frozen.pause();
        for (let i = 0; i < 6; i++) {
            await directory.store.put(tdOf(`t${i}`, { description: "x".repeat(600_000) }), ALICE);
        }
        let status = 503;
        const deadline = Date.now() + 5_000;
        while (status === 503 && Date.now() < deadline) {
            status = (await directory.events("/events", {}, "viewer:frozen")).status;
        }
        expect(status).to.equal(200);
    });
});
