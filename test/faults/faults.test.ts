/** The short form of the fault suite (README.md beside it). */
import { declareSuite } from "./suite";

describe("nothing is lost, doubled or out of order, short of a gap that is signalled,", () => {
    declareSuite(false);
});
