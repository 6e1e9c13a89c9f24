/** The long form of the fault suite: `npm run test:faults` (README.md beside it). */
import { declareSuite } from "./suite";

describe("nothing is lost, doubled or out of order, short of a gap that is signalled, in the long run,", () => {
    declareSuite(true);
});
