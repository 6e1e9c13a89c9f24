import { expect } from "chai";
import { addressKey } from "../../lib/address-key";

describe("addressKey", () => {
    const KEYS: [address: string | undefined, key: string][] = [
        ["10.0.0.1", "10.0.0.1"],
        ["::ffff:10.0.0.1", "10.0.0.1"],
        ["::1", "0:0:0:0"],
        ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
        ["2001:db8:1:2:ffff::", "2001:db8:1:2"],
        ["2001:DB8::1", "2001:db8:0:0"],
        ["fe80::1%eth0", "fe80:0:0:0"],
        [undefined, "unknown"],
    ];
    for (const [address, key] of KEYS) {
        it(`takes ${address ?? "no address"} for ${key}`, () => {
            expect(addressKey(address)).to.equal(key);
        });
    }

    it("counts an IPv6 network of 64 bits, and an IPv4 address in either spelling, as one", () => {
        const same = [
            ["2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3"],
            ["::1", "::2"],
            ["2001:db8::1:0:0:1", "2001:db8::2:0:0:2"],
            ["fe80::1%eth0", "fe80::2%eth1"],
            ["192.0.2.1", "::ffff:192.0.2.1"],
        ];
        for (const [one = "", other = ""] of same) expect(addressKey(one)).to.equal(addressKey(other));
        expect(addressKey("2001:db8:1:2::1")).to.not.equal(addressKey("2001:db8:1:3::1"));
        expect(addressKey("192.0.2.1")).to.not.equal(addressKey("192.0.2.2"));
    });
});
