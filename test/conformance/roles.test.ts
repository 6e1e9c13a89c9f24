/** Who may do what: every operation × every role. */
import { expect } from "chai";
import { ROLES, sharedSetUps, TRANSPORTS } from "../support/set-ups";
import type { Consumer } from "./consumers";
import { mayPerform, OPERATION_ROWS, targetOf } from "./operations";
import { RawConsumer } from "./raw-consumer";
import { cite } from "./requirements";

describe("roles", () => {
    const setUps = sharedSetUps();

    for (const transport of TRANSPORTS) {
        for (const role of ROLES) {
            describe(`${role} over ${transport}`, () => {
                let consumer: Consumer;

                before(async () => {
                    consumer = new RawConsumer(await (await setUps(transport)).connected(transport, role));
                });

                after(() => consumer.close());

                for (const row of OPERATION_ROWS) {
                    const may = mayPerform(role, row);
                    const ids = may ? ["BAD-role"] : ["BAD-role", `OP-${row.operation}-refused`];
                    it(cite(ids, `${may ? "may" : "may not"} ${row.operation}`), async () => {
                        const outcome = await consumer.perform(row.operation, targetOf(row));
                        if (may) expect(outcome).not.to.include({ code: "FORBIDDEN" });
                        else expect(outcome).to.include({ ok: false, status: 403, code: "FORBIDDEN" });
                    });
                }
            });
        }
    }
});
