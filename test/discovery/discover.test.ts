import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect } from "chai";
import { encode, type Answer } from "dns-packet";
import { discover, SseScError, type DiscoverOptions, type FoundService } from "../../src/index";
import {
    asksAll,
    DIRECTORIES,
    LOOPBACK,
    pointer,
    RawMulticast,
    recordsOf,
    response,
    SERVICE,
    uniqueName,
    type RawService,
} from "./raw-multicast";

/** Longer than any test takes: a search that finds nothing fails by its own end. */
const PATIENCE = 8_000;

/** What is found among those whose names end so, until the last one is found. */
async function foundUntil(last: string, options: DiscoverOptions = {}, mark = last): Promise<FoundService[]> {
    const found: FoundService[] = [];
    for await (const service of discover({ interface: LOOPBACK, timeout: PATIENCE, ...options })) {
        if (!service.name.endsWith(mark)) continue;
        found.push(service);
        if (service.name === last) return found;
    }
    throw new Error(`Not found: ${last}; but ${JSON.stringify(found)}`);
}

function openSockets(): number {
    return process.getActiveResourcesInfo().filter((name) => name === "UDPWRAP").length;
}

describe("discover", () => {
    let raw: RawMulticast;
    /** At the end of all names of one test. */
    let mark: string;

    beforeEach(async () => {
        raw = await RawMulticast.open();
        mark = uniqueName("");
    });

    afterEach(async () => {
        await raw.close();
    });

    /** What is found of these, which are announced in their order, and of one more at the end, which is not given. */
    async function found(services: readonly RawService[], options?: DiscoverOptions): Promise<FoundService[]> {
        const last = `last${mark}`;
        const txt = ["td=/last", `type=${options?.type ?? "Thing"}`];
        raw.announces([...services, { name: last, txt }]);
        return (await foundUntil(last, options, mark)).slice(0, -1);
    }

    it("[DNSSD-found] gives name, URL of the TD, type, scheme, host, addresses, port and TXT", async () => {
        const name = `Küche${mark}`;
        const txt = ["td=/a/td", "type=Directory", "scheme=https", "Color=blue=ish", "flag"];
        const addresses = ["fd00::7", "192.0.2.7"];
        expect(await found([{ name, target: "Kitchen.local", port: 8444, txt, addresses }])).to.deep.equal([
            {
                name,
                url: "https://192.0.2.7:8444/a/td",
                type: "Directory",
                scheme: "https",
                host: "kitchen.local",
                addresses: ["192.0.2.7", "fd00::7"],
                port: 8444,
                txt: { td: "/a/td", type: "Directory", scheme: "https", color: "blue=ish", flag: "" },
            },
        ]);
    });

    it("[DNSSD-found] takes what TXT leaves out as the standard says: a Thing, http, at the well-known path", async () => {
        const [thing] = await found([{ name: `bare${mark}`, txt: [""], port: 80, addresses: ["fd00::7"] }]);
        expect(thing).to.include({ type: "Thing", scheme: "http", url: "http://[fd00::7]/.well-known/wot" });
    });

    it("names a host that is no .local name itself, since DNS knows it", async () => {
        const [thing] = await found([{ name: `dns${mark}`, target: "things.example", addresses: [] }]);
        expect(thing).to.include({ url: "https://things.example:8444/td", host: "things.example" });
        expect(thing?.addresses).to.deep.equal([]);
    });

    it("asks for records that the first packet lacks, and takes them from any number of packets", async () => {
        const name = `pieces${mark}`;
        const [ptr, srv, txt, address] = recordsOf({ name, target: "pieces.local", addresses: ["192.0.2.8"] }) as [
            Answer,
            Answer,
            Answer,
            Answer,
        ];
        raw.answers(({ questions = [] }) =>
            questions.flatMap(({ name: asked, type }) => {
                if (asked === SERVICE) return [response([ptr])];
                if (asked === srv.name) return [response([type === "SRV" ? srv : txt])];
                return asked === "pieces.local" && type === "A" ? [response([address])] : [];
            })
        );
        const [thing] = await foundUntil(name);
        expect(thing).to.include({ url: "https://192.0.2.8:8444/td" });
    });

    it("gives what has no address after it was asked for in vain", async () => {
        const name = `nowhere${mark}`;
        raw.announces([{ name, target: "nowhere.local", addresses: [] }]);
        const [thing] = await foundUntil(name);
        expect(thing).to.include({ url: "https://nowhere.local:8444/td" });
    });

    it("finds directories alone, if asked to, by their subtype too", async () => {
        const thing = { name: `thing${mark}`, txt: ["td=/td", "type=Thing"] };
        expect(await found([thing], { type: "Directory" })).to.deep.equal([]);

        const name = `subtype${mark}`;
        const [ptr, ...rest] = recordsOf({ name, txt: ["type=Directory"] });
        raw.answers(({ questions = [] }) =>
            questions.some((question) => question.name === DIRECTORIES)
                ? [response([{ ...ptr, name: DIRECTORIES } as Answer, ...rest])]
                : []
        );
        const [directory] = await foundUntil(name, { type: "Directory" });
        expect(directory).to.include({ type: "Directory" });
    });

    it("finds Things alone, if asked to", async () => {
        const directory = { name: `directory${mark}`, txt: ["td=/td", "type=Directory"] };
        expect(await found([directory], { type: "Thing" })).to.deep.equal([]);
    });

    it("gives each once, and again if it moved", async () => {
        const name = `twice${mark}`;
        const ports = (await found([{ name }, { name }, { name: name.toUpperCase() }, { name, port: 8445 }])).map(
            ({ port }) => port
        );
        expect(ports).to.deep.equal([8444, 8445]);
    });

    it("does not give what said goodbye before it was complete", async () => {
        const name = `gone${mark}`;
        const last = `last${mark}`;
        const [ptr, ...rest] = recordsOf({ name });
        const packets = [[ptr!], [pointer(name, 0)], rest, recordsOf({ name: last })].map(response);
        raw.answers((packet) => (asksAll(packet) ? packets : []));
        expect((await foundUntil(last, {}, mark)).map((service) => service.name)).to.deep.equal([last]);
    });

    describe("passes over what could mislead", () => {
        const long = "x".repeat(250);
        const cases: [string, Omit<RawService, "name">][] = [
            ["a relative path", { txt: ["td=td"] }],
            ["an empty path", { txt: ["td="] }],
            ["a URL for a path", { txt: ["td=https://evil.example/td"] }],
            ["a path that names another host", { txt: ["td=//evil.example/td"] }],
            ["a path that names another host with a backslash", { txt: ["td=/\\evil.example/td"] }],
            ["a path that makes a user of the host", { txt: ["td=@evil.example/td"] }],
            ["a path with a control character", { txt: ["td=/t\u0000d"] }],
            ["a path with a line break", { txt: ["td=/td\r\nAuthorization: x"] }],
            ["a path with a tab ahead of a second slash", { txt: ["td=/\t/evil.example/td"] }],
            ["a path with a query", { txt: ["td=/td?x=1"] }],
            ["a path with a fragment", { txt: ["td=/td#x"] }],
            ["a path that is not ASCII", { txt: ["td=/tд"] }],
            ["a path with a broken escape", { txt: ["td=/%zz"] }],
            ["a second td that is right", { txt: ["td=//evil.example", "td=/td"] }],
            ["another type", { txt: ["td=/td", "type=Gateway"] }],
            ["another scheme", { txt: ["td=/td", "scheme=javascript"] }],
            ["a scheme with more behind it", { txt: ["td=/td", "scheme=http://evil.example/"] }],
            [
                "more TXT than anybody needs",
                { txt: ["td=/td", long, `b${long}`, `c${long}`, `d${long}`, `e${long}`, `f${long}`] },
            ],
            ["TXT that is no UTF-8", { txt: ["td=/td", Buffer.from([0x61, 0x3d, 0xff])] }],
            ["a control character in another value", { txt: ["td=/td", "note=\u001b[2J"] }],
            ["a key with a control character", { txt: ["td=/td", "\u0007=x"] }],
            ["a host with a user in front", { target: "user:secret@evil.local" }],
            ["a host with a path", { target: "evil.example/x" }],
            ["a host with a port", { target: "evil.example:1" }],
            ["a host with a space", { target: "evil example.local" }],
            ["a host that the URL parser takes for an address", { target: "0x7f.1", addresses: [] }],
            ["a host that is an address", { target: "192.0.2.1", addresses: [] }],
            ["an empty host", { target: "." }],
            ["port 0", { port: 0 }],
        ];
        for (const [what, service] of cases) {
            it(what, async () => {
                expect(await found([{ ...service, name: `evil${mark}` }])).to.deep.equal([]);
            });
        }

        it("a name with control characters", async () => {
            expect(await found([{ name: `\u001b[31mevil${mark}` }, { name: `evil\u202e${mark}` }])).to.deep.equal([]);
        });

        it("addresses that lead nowhere, or back to whoever looks", async () => {
            const foreign = await RawMulticast.open("127.0.0.2");
            const last = `last${mark}`;
            foreign.announces([
                { name: `here${mark}`, target: "localhost", addresses: [] },
                { name: `other${mark}`, addresses: [LOOPBACK, "::1", "0.0.0.0", "fe80::1", "224.0.0.1", "192.0.2.9"] },
                { name: last, addresses: ["192.0.2.10"] },
            ]);
            const services = await foundUntil(last, {}, mark);
            await foreign.close();
            expect(services.map(({ name, addresses }) => [name, addresses])).to.deep.equal([
                [`other${mark}`, ["192.0.2.9"]],
                [last, ["192.0.2.10"]],
            ]);
        });

        it("members of objects that every object has", async () => {
            const [thing] = await found([{ name: `proto${mark}`, txt: ["td=/td", "__proto__=x", "constructor=y"] }]);
            expect(Object.entries(thing?.txt ?? {})).to.deep.equal([
                ["td", "/td"],
                ["__proto__", "x"],
                ["constructor", "y"],
            ]);
            expect(({} as Record<string, unknown>)["x"]).to.equal(undefined);
        });

        it("packets that come from another port", async () => {
            const name = `port${mark}`;
            const last = `last${mark}`;
            const sender = createSocket("udp4").bind(0, LOOPBACK);
            await once(sender, "listening");
            sender.setMulticastInterface(LOOPBACK);
            let isOpen = true;
            raw.answers((packet) => {
                if (!asksAll(packet) || !isOpen) return []; // other processes ask, too
                sender.send(response(recordsOf({ name })), 5353, "224.0.0.251");
                return [response(recordsOf({ name: last }))];
            });
            const services = await foundUntil(last, {}, mark);
            isOpen = false;
            sender.close();
            expect(services.map((service) => service.name)).to.deep.equal([last]);
        });

        it("packets that are larger than a packet may be", async () => {
            const name = `large${mark}`;
            const last = `last${mark}`;
            const filler = Array.from({ length: 400 }, () => pointer(name));
            const large = response([...recordsOf({ name }), ...filler]);
            expect(large.length).to.be.within(9_001, 60_000);
            raw.answers((packet) => (asksAll(packet) ? [large, response(recordsOf({ name: last }))] : []));
            expect((await foundUntil(last, {}, mark)).map((service) => service.name)).to.deep.equal([last]);
        });
    });

    it("survives packets that are broken in every byte", async () => {
        const last = `last${mark}`;
        const good = response(recordsOf({ name: `broken ${mark.toUpperCase()}` }));
        const broken = [...good.keys()].flatMap((index) => {
            const bytes = Buffer.from(good);
            bytes[index] = (bytes[index] ?? 0) ^ 0xff;
            return [bytes, good.subarray(0, index)];
        });
        // A compressed name that points at itself
        const loop = Buffer.concat([encode({ type: "response" }).fill(1, 7, 8), Buffer.from([0xc0, 12, 0, 12, 0, 1])]);
        const packets = [loop, Buffer.alloc(0), ...broken, response(recordsOf({ name: last }))];
        let sent = false;
        raw.answers((packet) => {
            if (!asksAll(packet)) return [];
            const isFirst = !sent;
            sent = true;
            return isFirst ? packets : packets.slice(-1);
        });
        await foundUntil(last, {}, mark);
    });

    it("ends after `limit`, however many are announced", async () => {
        raw.announces(Array.from({ length: 30 }, (_, index) => ({ name: `${index}${mark}` })));
        const names: string[] = [];
        for await (const { name } of discover({ interface: LOOPBACK, timeout: 0, limit: 7 })) names.push(name);
        expect(names).to.have.length(7);
    });

    it("ends at its timeout, when its signal is raised, and when the loop is left; no socket stays open", async () => {
        const before = openSockets();
        for await (const service of discover({ interface: LOOPBACK, timeout: 1 }))
            expect(service.name).not.to.equal(mark);

        const leaving = new AbortController();
        const search = discover({ interface: LOOPBACK, timeout: 0, signal: leaving.signal });
        raw.answers((packet) => {
            if (asksAll(packet)) leaving.abort();
            return [];
        });
        for await (const service of search) expect(service.name).not.to.equal(mark);
        const { done } = await discover({ interface: LOOPBACK, timeout: 0, signal: leaving.signal }).next();
        expect(done).to.equal(true);

        const name = `left${mark}`;
        raw.announces([{ name }]);
        await foundUntil(name, { timeout: 0 });
        expect(openSockets()).to.equal(before);
    });

    it("fails with CONNECT_FAILED on an interface that is not there", async () => {
        const before = openSockets();
        const error: unknown = await discover({ interface: "203.0.113.9" })
            .next()
            .catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(SseScError).with.property("code", "CONNECT_FAILED");
        expect((error as SseScError).cause).to.be.instanceOf(Error);
        expect(openSockets()).to.equal(before);
    });

    describe("refuses at once", () => {
        const cases: [string, unknown, RegExp][] = [
            ["an unknown option", { kind: "Thing" }, /^kind is not an option/],
            ["another type", { type: "thing" }, /^type /],
            ["a timeout that is no number", { timeout: "1s" }, /^timeout /],
            ["a negative timeout", { timeout: -1 }, /^timeout /],
            ["a timeout longer than timers go", { timeout: 2 ** 31 }, /^timeout /],
            ["a limit of nothing", { limit: 0 }, /^limit /],
            ["an interface that is a name", { interface: "eth0" }, /^interface /],
            ["a signal that is none", { signal: true }, /^signal /],
            ["options that are none", "Directory", /not an object/],
        ];
        for (const [what, options, message] of cases) {
            it(what, () => {
                expect(() => discover(options as DiscoverOptions))
                    .to.throw(SseScError, message)
                    .with.property("code", "INVALID_CONFIG");
            });
        }
    });
});
