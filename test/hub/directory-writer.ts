/**
 * Writes TDs until it is killed, in a process of its own. Arguments: the folder and the first version. Prints a line
 * `<id> <version>` for each write that was acknowledged; at times several writes of one id are under way.
 */
import { ClassicLevel } from "classic-level";
import { DirectoryStore } from "../../src/hub/directory-store";

const [, , folder = "", first = "0"] = process.argv;

/** The title says the version, and so does every word of the description: a TD that is half of one shows. */
function describe(id: string, version: number): Record<string, unknown> {
    return {
        "@context": ["https://www.w3.org/2022/wot/td/v1.1"],
        id,
        title: `${version}`,
        description: `${version} `.repeat(2_000),
        security: null,
        securityDefinitions: null,
    };
}

async function write(): Promise<void> {
    const store = await DirectoryStore.open(new ClassicLevel<string>(folder));
    for (let version = Number(first); ; version++) {
        const ids = [`urn:new:${version}`, "urn:shared", `urn:few:${version % 7}`];
        await Promise.all(
            ids.map(async (id) => {
                await store.put(describe(id, version), { clientId: "writer", mayWriteAny: false });
                process.stdout.write(`${id} ${version}\n`);
            })
        );
        if (version % 5 === 0) await store.delete(`urn:new:${version}`, { clientId: "writer", mayWriteAny: false });
    }
}

void write();
