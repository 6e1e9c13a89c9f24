import { mock } from "node:test";
import { expect } from "chai";
import { SseScError } from "../../lib/errors";
import { LoginThrottle, parseLoginLimits } from "../../src/auth/login-throttle";
import { errorOf, expectCode, onEnd } from "./harness";

function fail(): Promise<never> {
    return Promise.reject(new SseScError("INVALID_CREDENTIALS"));
}

function open(limits: object): Promise<LoginThrottle> {
    return LoginThrottle.open(parseLoginLimits(limits));
}

async function failTimes(throttle: LoginThrottle, times: number, username: string, address: string): Promise<void> {
    for (let time = 0; time < times; time += 1) {
        await expectCode("INVALID_CREDENTIALS", () => throttle.attempt(username, address, fail));
    }
}

describe("the throttle of log-ins", () => {
    it("refuses an account and address after so many failures, without another attempt", async () => {
        const throttle = await open({ perAccount: 3 });
        await failTimes(throttle, 3, "ann", "10.0.0.1");
        let attempts = 0;
        const error = await errorOf(() => throttle.attempt("ann", "10.0.0.1", async () => (attempts += 1)));
        expect(error.code).to.equal("TOO_MANY_REQUESTS");
        expect(error.retryAfter).to.be.within(59, 60);
        expect(attempts).to.equal(0);
    });

    it("leaves the account alone at other addresses, and the address with other accounts", async () => {
        const throttle = await open({ perAccount: 1 });
        await failTimes(throttle, 1, "ann", "10.0.0.1");
        expect(await throttle.attempt("ann", "10.0.0.2", async () => "in")).to.equal("in");
        expect(await throttle.attempt("bob", "10.0.0.1", async () => "in")).to.equal("in");
    });

    it("refuses an address after so many failures, whatever the account", async () => {
        const throttle = await open({ perAddress: 3 });
        for (const username of ["a", "b", "c"]) await failTimes(throttle, 1, username, "10.0.0.1");
        await expectCode("TOO_MANY_REQUESTS", () => throttle.attempt("d", "10.0.0.1", async () => "in"));
        expect(await throttle.attempt("d", "10.0.0.2", async () => "in")).to.equal("in");
    });

    it("counts anew after the window", async () => {
        const throttle = await open({ perAccount: 1, window: 5000 });
        await failTimes(throttle, 1, "ann", "10.0.0.1");
        await expectCode("TOO_MANY_REQUESTS", () => throttle.attempt("ann", "10.0.0.1", async () => "in"));
        mock.timers.enable({ apis: ["Date"], now: Date.now() + 5001 });
        onEnd(async () => mock.timers.reset());
        expect(await throttle.attempt("ann", "10.0.0.1", async () => "in")).to.equal("in");
    });

    it("forgets the failures of an account that logged in, but not those of the address", async () => {
        const throttle = await open({ perAccount: 2, perAddress: 3 });
        await failTimes(throttle, 1, "ann", "10.0.0.1");
        await throttle.attempt("ann", "10.0.0.1", async () => "in");
        await failTimes(throttle, 2, "ann", "10.0.0.1");
        await expectCode("TOO_MANY_REQUESTS", () => throttle.attempt("bob", "10.0.0.1", async () => "in"));
    });

    it("counts no failures other than wrong credentials", async () => {
        const throttle = await open({ perAccount: 1 });
        const broken = () => Promise.reject(new SseScError("INTERNAL"));
        await expectCode("INTERNAL", () => throttle.attempt("ann", "10.0.0.1", broken));
        expect(await throttle.attempt("ann", "10.0.0.1", async () => "in")).to.equal("in");
    });

    it("lets no more passwords be tried at once than one after the other", async () => {
        const throttle = await open({ perAccount: 3 });
        let tried = 0;
        const attempts = Array.from({ length: 20 }, () =>
            errorOf(() =>
                throttle.attempt("ann", "10.0.0.1", () => {
                    tried += 1;
                    return fail();
                })
            )
        );
        const codes = (await Promise.all(attempts)).map(({ code }) => code);
        expect(tried).to.equal(3);
        expect(codes.filter((code) => code === "TOO_MANY_REQUESTS")).to.have.length(17);
    });

    it("lets many log-ins at once succeed", async () => {
        const throttle = await open({ perAccount: 1, perAddress: 1 });
        const attempts = Array.from({ length: 50 }, () => throttle.attempt("ann", "10.0.0.1", async () => "in"));
        expect(await Promise.all(attempts)).to.have.length(50);
    });
});
