import { expect } from "chai";
import { hostname, networkInterfaces } from "node:os";
import { announcementOf } from "../../src/announcement";
import { parseServerConfig, type SseScServerConfig } from "../../src/config";
import type { Announcement } from "../../src/discovery/announcement";
import { Endpoints } from "../../src/endpoints";
import { certificate } from "../support/certificates";

const ACCOUNTS = [{ username: "alice", password: "wonder", role: "viewer" }];
const PORT = 8555;
const MACHINE = `${hostname().split(".")[0] ?? ""}.local`;

function announcementFor(config: Omit<SseScServerConfig, "accounts">): Announcement {
    const settings = parseServerConfig({ announce: true, accounts: ACCOUNTS, ...config });
    const paths = { streamPath: "/hiveot/ssesc", requestPath: "/hiveot/request" };
    const announcement = announcementOf(settings, new Endpoints(settings, paths, PORT).default, "Directory");
    if (announcement === undefined) throw new Error("Nothing is announced");
    return announcement;
}

describe("The announcement of a server", () => {
    it("on one address names that address, and goes out on its interface alone", () => {
        const announcement = announcementFor({ address: "192.0.2.1", allowInsecure: true });
        expect(announcement).to.include({
            type: "Directory",
            scheme: "http",
            host: MACHINE,
            port: PORT,
            td: "/.well-known/wot",
            interface: "192.0.2.1",
        });
        expect(announcement.addresses("192.0.2.1")).to.deep.equal(["192.0.2.1"]);
    });

    it("on loopback stays on loopback, whatever the family", () => {
        for (const address of ["127.0.0.1", "::1"]) {
            const announcement = announcementFor({ address });
            expect(announcement.interface, address).to.equal("127.0.0.1");
            expect(announcement.addresses("127.0.0.1")).to.deep.equal([address]);
        }
    });

    it("on all addresses names those of each interface, without those that need a zone", () => {
        const announcement = announcementFor({ address: "0.0.0.0", allowInsecure: true });
        expect(announcement.interface).to.equal(undefined);
        expect(announcement.addresses("127.0.0.1")).to.deep.equal(["127.0.0.1"]);
        for (const ofInterface of Object.values(networkInterfaces())) {
            const external = (ofInterface ?? []).filter(({ internal }) => !internal).map(({ address }) => address);
            const [first] = external.filter((address) => !address.includes(":"));
            if (first === undefined) continue;
            const usable = external.filter((address) => !address.startsWith("fe80:"));
            expect(announcement.addresses(first)).to.have.members(usable);
        }
    });

    it("names only addresses that the certificate is good for, if there are such", async () => {
        const { key, cert } = await certificate();
        const announcement = announcementFor({ serverKey: key, serverCert: cert });
        expect(announcement.scheme).to.equal("https");
        expect(announcement.addresses("127.0.0.1")).to.deep.equal(["127.0.0.1"]);
    });

    it("with baseUri names its host, port and path, and leaves addresses to DNS", () => {
        const baseUri = "https://things.example/wot/";
        for (const config of [{ baseUri }, { baseUri, listen: false }]) {
            const announcement = announcementFor(config);
            expect(announcement).to.include({
                scheme: "https",
                host: "things.example",
                port: 443,
                td: "/wot/.well-known/wot",
                interface: undefined,
            });
            expect(announcement.addresses("127.0.0.1")).to.deep.equal([]);
        }
    });

    it("with an address in baseUri names that address", () => {
        const announcement = announcementFor({ baseUri: "https://[2001:db8::1]:8443" });
        expect(announcement).to.include({ host: MACHINE, port: 8443 });
        expect(announcement.addresses("127.0.0.1")).to.deep.equal(["2001:db8::1"]);
    });

    it("takes name and interface from the option", () => {
        const announce = { name: "Küche", interface: "127.0.0.1" };
        expect(announcementFor({ announce })).to.include({ name: "Küche", interface: "127.0.0.1" });
    });

    it("is none unless asked for", () => {
        const settings = parseServerConfig({ accounts: ACCOUNTS });
        const paths = { streamPath: "/hiveot/ssesc", requestPath: "/hiveot/request" };
        expect(announcementOf(settings, new Endpoints(settings, paths, PORT).default, "Thing")).to.equal(undefined);
    });
});
