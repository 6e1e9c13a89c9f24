/** The records that were asked for last, parsed, up to a number of bytes of JSON. */
import type { DirectoryRecord } from "./directory-records";

/** Bytes of JSON; what is parsed takes several times as much. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Least recently used records go first. */
export class RecordCache {
    readonly #records = new Map<string, { readonly record: DirectoryRecord; readonly bytes: number }>();
    #bytes = 0;

    get(id: string): DirectoryRecord | undefined {
        const cached = this.#records.get(id);
        if (cached === undefined) return undefined;
        this.#records.delete(id); // so that it goes to the end
        this.#records.set(id, cached);
        return cached.record;
    }

    set(record: DirectoryRecord, bytes: number): void {
        this.delete(record.id);
        this.#records.set(record.id, { record, bytes });
        this.#bytes += bytes;
        for (const id of this.#records.keys()) {
            if (this.#bytes <= MAX_BYTES) break;
            this.delete(id);
        }
    }

    delete(id: string): void {
        this.#bytes -= this.#records.get(id)?.bytes ?? 0;
        this.#records.delete(id);
    }
}
