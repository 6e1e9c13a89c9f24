/** The version of this package. */
import { createRequire } from "node:module";
import { isRecord } from "../lib/json";

/** The version in our `package.json`, which is not at the same place for the sources and for what is built of them. */
export function packageVersion(): string {
    const manifest: unknown = createRequire(__filename)("node-wot-binding-hiveot/package.json");
    const version = isRecord(manifest) ? manifest["version"] : undefined;
    return typeof version === "string" ? version : "unknown";
}
