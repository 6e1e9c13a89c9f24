import { expect } from "chai";
import { OPERATIONS, type Operation } from "../../lib/operations";
import { Roles } from "../../src/auth";
import { errorOf } from "./harness";

const WRITE = ["writeproperty", "writeallproperties", "writemultipleproperties"];
const RUN = ["invokeaction", "cancelaction"];
const READ = OPERATIONS.filter((operation) => ![...WRITE, ...RUN].includes(operation));

// protocol.md, "Roles and what they may do", the row "Ours"
const ROWS: Record<string, readonly string[]> = {
    none: [],
    viewer: READ,
    operator: [...READ, ...RUN],
    manager: [...READ, ...RUN, ...WRITE],
    device: READ,
    service: OPERATIONS,
    admin: OPERATIONS,
    stranger: [],
};

function allowed(roles: Roles, role: string): Operation[] {
    return OPERATIONS.filter((operation) => roles.mayPerform(role, operation));
}

describe("roles", () => {
    it("lists 20 operations that only read", () => {
        expect(READ).to.have.length(20);
    });

    for (const [role, operations] of Object.entries(ROWS)) {
        it(`lets the role ${role} perform ${operations.length} operations and no others`, () => {
            expect(allowed(new Roles(), role)).to.have.members(operations);
        });
    }

    it("adds the roles of the options to the default ones", () => {
        const roles = new Roles({ reader: ["readproperty"] });
        expect(allowed(roles, "reader")).to.deep.equal(["readproperty"]);
        expect(allowed(roles, "admin")).to.deep.equal(OPERATIONS);
    });

    it("replaces a default role by one of the same name", () => {
        expect(allowed(new Roles({ viewer: ["ping"] }), "viewer")).to.deep.equal(["ping"]);
    });

    it("takes * for all operations", () => {
        expect(allowed(new Roles({ root: ["*"] }), "root")).to.deep.equal(OPERATIONS);
    });

    it("lets a role of a name that objects inherit do nothing", () => {
        expect(allowed(new Roles(), "constructor")).to.be.empty;
        expect(new Roles().has("constructor")).to.be.false;
    });

    it("names the role and the operation that it does not know", async () => {
        const error = await errorOf(() => new Roles({ reader: ["readproperty", "readeverything"] }));
        expect(error.code).to.equal("INVALID_CONFIG");
        expect(error.message).to.include("roles.reader").and.include("readeverything");
    });

    it("refuses a row that is not a list", async () => {
        const error = await errorOf(() => new Roles({ reader: "readproperty" }));
        expect(error.code).to.equal("INVALID_CONFIG");
        expect(error.message).to.include("roles.reader");
    });
});
