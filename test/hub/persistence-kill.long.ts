/** A hub that is killed 20 times while it writes: `npm run test:long`. */
import { expect } from "chai";
import { killAndRestart, print } from "./persistence";

describe("a hub with a store that is killed 20 times in the middle of its writes", () => {
    it("has every account, token, log-out, TD and latest event that it acknowledged", async () => {
        const figures = await killAndRestart(20);
        print(20, figures);
        expect(figures.missing).to.deep.equal([]);
    });
});
