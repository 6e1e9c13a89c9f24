import { expect } from "chai";
import type { Answer, Packet } from "dns-packet";
import type { Announcement } from "../../src/discovery/announcement";
import { Announcer } from "../../src/discovery/announcer";
import { eventually } from "../support/eventually";
import { sideBySide, type OnEnd } from "../support/side-by-side";
import { DIRECTORIES, LOOPBACK, RawMulticast, recordsOf, response, SERVICE, uniqueName } from "./raw-multicast";

const HOST = "announcer.local";

/** What each test has to itself. */
interface Stage {
    readonly raw: RawMulticast;
    /** A name that no other test has. */
    readonly name: string;
    readonly errors: unknown[];
    readonly announce: (more?: Partial<Announcement>) => Announcer;
}

async function stage(onEnd: OnEnd): Promise<Stage> {
    const raw = await RawMulticast.open();
    onEnd(() => raw.close());
    const name = uniqueName("announced");
    const errors: unknown[] = [];
    const announce = (more: Partial<Announcement> = {}): Announcer => {
        const announcement: Announcement = {
            name,
            type: "Thing",
            scheme: "https",
            host: HOST,
            port: 8444,
            td: "/.well-known/wot",
            addresses: () => [LOOPBACK],
            interface: LOOPBACK,
            ...more,
        };
        const announcer = new Announcer(announcement, (error) => errors.push(error));
        onEnd(() => announcer.stop());
        announcer.start();
        return announcer;
    };
    return { raw, name, errors, announce };
}

describe("Announcer", () => {
    const aside = sideBySide();

    it(
        "[DNSSD-announced] asks whether its name is free, then announces PTR, SRV, TXT and address",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const probes: Packet[] = [];
            raw.answers((packet) => {
                if (packet.authorities?.some((record) => record.name === `${name}.${SERVICE}`)) probes.push(packet);
                return [];
            });
            const heard = raw.response(name);
            announce();
            const { answers = [] } = await heard;
            const instance = `${name}.${SERVICE}`;
            expect(probes.length).to.be.within(1, 3); // three are sent; any may be lost
            expect(probes[0]?.questions).to.deep.include({ name: instance, type: "SRV", class: "IN" });
            expect(answers.map(brief)).to.have.deep.members([
                { type: "PTR", name: SERVICE, data: instance },
                { type: "PTR", name: "_services._dns-sd._udp.local", data: SERVICE },
                { type: "SRV", name: instance, data: { priority: 0, weight: 0, port: 8444, target: HOST } },
                { type: "TXT", name: instance, data: "td=/.well-known/wot type=Thing scheme=https" },
                { type: "A", name: HOST, data: LOOPBACK },
            ]);
        })
    );

    it(
        "[DNSSD-directory] announces a directory by its subtype as well",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const heard = raw.response(name);
            announce({ type: "Directory", td: "/base/.well-known/wot", scheme: "http" });
            const answers = (await heard).answers?.map(brief);
            const instance = `${name}.${SERVICE}`;
            expect(answers).to.deep.include({ type: "PTR", name: SERVICE, data: instance });
            expect(answers).to.deep.include({ type: "PTR", name: DIRECTORIES, data: instance });
            const data = "td=/base/.well-known/wot type=Directory scheme=http";
            expect(answers).to.deep.include({ type: "TXT", name: instance, data });
        })
    );

    it(
        "takes the next name if another server has its own",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const taken = response(recordsOf({ name, target: "other.local", port: 1 }));
            raw.answers(({ questions = [] }) =>
                questions.some((q) => q.name === `${name}.${SERVICE}`) ? [taken] : []
            );
            const heard = raw.response(`${name} (2)`);
            announce();
            await heard;
        })
    );

    it(
        "leaves the name to one of two that want it at the same time",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const one = raw.response(name, hasHost("b.local"));
            const other = raw.response(`${name} (2)`, hasHost("a.local"));
            announce({ host: "a.local" });
            announce({ host: "b.local" });
            await Promise.all([one, other]);
        })
    );

    it(
        "gives its name away if another server turns up with it, and keeps it if the other must give way",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const announced = raw.response(name);
            announce();
            await announced;
            const claim = (target: string): void => raw.send(response(recordsOf({ name, target })));
            claim("aaa.local"); // would have to give way
            const kept = raw.response(name, hasHost(HOST));
            raw.ask([{ name: SERVICE, type: "PTR" }]);
            await kept;

            const moved = raw.response(`${name} (2)`);
            const taken = response(recordsOf({ name, target: "zzz.local" }));
            raw.answers(({ questions = [] }) =>
                questions.some((q) => q.name === `${name}.${SERVICE}`) ? [taken] : []
            );
            raw.send(taken);
            await moved;
        })
    );

    describe("once it has announced itself", () => {
        async function announced(onEnd: OnEnd): Promise<Stage> {
            const made = await stage(onEnd);
            const heard = made.raw.response(made.name);
            made.announce({ type: "Directory" });
            await heard;
            return made;
        }

        /**
         * An answer to what `ask` sends. Asks again if it was cut short by one more announcement, or if it does not fit because other
         * tests and processes on this machine asked something meanwhile.
         */
        async function answerTo(
            { raw, name }: Stage,
            ask: () => void,
            fits: (packet: Packet) => boolean = () => true
        ): Promise<void> {
            const responses = raw.responses(name);
            for (let next = responses.next(); ; next = responses.next()) {
                ask();
                const { value } = await next;
                if (isAnswer(value) && fits(value)) return;
            }
        }

        it(
            "answers those who ask for the service, the instance or the host, whatever the case",
            aside(async (onEnd) => {
                const own = await announced(onEnd);
                const { raw, name } = own;
                const questions = [
                    { name: SERVICE.toUpperCase(), type: "PTR" },
                    { name: DIRECTORIES, type: "PTR" },
                    { name: `${name.toUpperCase()}.${SERVICE}`, type: "TXT" },
                    { name: HOST, type: "A" },
                    { name: HOST, type: "AAAA" },
                    { name: `x ${name}.${SERVICE}`, type: "SRV" },
                ] as const;
                await answerTo(
                    own,
                    () => raw.ask([...questions]),
                    ({ answers, additionals }) =>
                        typesOf(answers) === "A PTR PTR TXT" && typesOf(additionals) === "PTR SRV"
                );
            })
        );

        it(
            "answers once a second at most, however many ask how often",
            aside(async (onEnd) => {
                const own = await announced(onEnd);
                const { raw } = own;
                const many = Array.from({ length: 100 }, () => ({ name: SERVICE, type: "PTR" }) as const);
                const storm = (): void => {
                    for (let count = 0; count < 20; count += 1) raw.ask(many);
                };
                await answerTo(own, storm);
                const from = performance.now();
                await answerTo(own, storm);
                expect(performance.now() - from).to.be.greaterThan(800); // both ends waited for the event loop
            })
        );
    });

    it(
        "[DNSSD-withdrawn] says goodbye, but not for what others share",
        aside(async (onEnd) => {
            const { raw, name, announce } = await stage(onEnd);
            const announced = raw.response(name);
            const announcer = announce({ type: "Directory" });
            await announced;
            const goodbye = raw.response(
                name,
                ({ answers }) => answers?.some((record) => ttlOf(record) === 0) === true
            );
            await announcer.stop();
            const { answers = [] } = await goodbye;
            expect(answers.map(({ type, name: of }) => [type, of])).to.have.deep.members([
                ["PTR", SERVICE],
                ["PTR", DIRECTORIES],
                ["SRV", `${name}.${SERVICE}`],
                ["TXT", `${name}.${SERVICE}`],
            ]);
            expect(answers.map(ttlOf)).to.deep.equal([0, 0, 0, 0]);
        })
    );

    it(
        "can be stopped at any moment, twice as well",
        aside(async (onEnd) => {
            const { announce, errors } = await stage(onEnd);
            const announcer = announce();
            await Promise.all([announcer.stop(), announcer.stop()]);
            await new Announcer({} as Announcement, () => undefined).stop();
            expect(errors).to.deep.equal([]);
        })
    );

    it(
        "tells once that an interface cannot be used, and goes on",
        aside(async (onEnd) => {
            const { announce, errors } = await stage(onEnd);
            const announcer = announce({ interface: "203.0.113.9" });
            await eventually("error", () => errors.length > 0);
            expect(errors).to.have.length(1);
            expect(errors[0]).to.be.instanceOf(Error).with.property("syscall", "addMembership");
            await announcer.stop();
        })
    );
});

/** Announcements have no additional records, answers do. */
function isAnswer({ additionals = [] }: Packet): boolean {
    return additionals.length > 0;
}

function typesOf(records: readonly Answer[] = []): string {
    return records
        .map(({ type }) => type)
        .sort()
        .join(" ");
}

function ttlOf(record: Answer): number | undefined {
    return "ttl" in record ? record.ttl : undefined;
}

function hasHost(host: string) {
    return ({ answers = [], additionals = [] }: Packet): boolean =>
        [...answers, ...additionals].some((record) => record.type === "SRV" && record.data.target === host);
}

function brief(record: Answer): object {
    const { type, name } = record;
    if (record.type === "TXT") return { type, name, data: [record.data].flat().map(String).join(" ") };
    return { type, name, data: "data" in record ? record.data : undefined };
}
