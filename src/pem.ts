/** PEM texts in options: the text itself, or the path of a file that holds it. */
import { readFileSync } from "node:fs";
import { SseScError } from "../lib/errors";

/**
 * The PEM text that an option means.
 * @param option its name, for the error
 * @throws SseScError INVALID_CONFIG naming the option if the file cannot be read
 */
export function readPem(option: string, pemOrPath: string): string {
    if (pemOrPath.includes("-----BEGIN ")) return pemOrPath;
    try {
        return readFileSync(pemOrPath, "utf8");
    } catch (cause) {
        throw new SseScError("INVALID_CONFIG", `Option "${option}" cannot be read`, { cause });
    }
}
