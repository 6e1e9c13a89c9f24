/** A hub that is killed while it writes, in short; `npm run test:long` has the long form. */
import { expect } from "chai";
import { req } from "../conformance/requirements";
import { killAndRestart, print } from "./persistence";

describe("a hub with a store that is killed in the middle of its writes", function () {
    this.timeout(30_000);

    req("DIR-durable", "has every account, token, log-out, TD and latest event that it acknowledged", async () => {
        const figures = await killAndRestart(2);
        print(2, figures);
        expect(figures.missing).to.deep.equal([]);
    });
});
