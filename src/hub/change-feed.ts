/** The last changes of the directory, for event streams to read at their own pace, and again after a drop. */
import { randomUUID } from "node:crypto";
import type { DirectoryChange } from "./directory-records";

/** A change with its number. */
export interface NumberedChange {
    readonly sequence: number;
    readonly change: DirectoryChange;
}

const MAX_CHANGES = 1_000;
/** Characters of JSON; what is parsed takes several times as much. */
const MAX_SIZE = 4 * 1024 * 1024;

/** A bounded list of changes, numbered from 1. Its ids are `<epoch>-<sequence>`; the epoch is new with each process. */
export class ChangeFeed {
    readonly #epoch = randomUUID().slice(0, 8);
    readonly #changes: (NumberedChange & { readonly size: number })[] = [];
    #size = 0;
    #last = 0;

    /** Number of the last change. */
    get last(): number {
        return this.#last;
    }

    /** Number of the oldest change that is still here; one more than the last if none is. */
    get first(): number {
        return this.#changes[0]?.sequence ?? this.#last + 1;
    }

    push(change: DirectoryChange): void {
        const size = sizeOf(change);
        this.#changes.push({ sequence: ++this.#last, change, size });
        this.#size += size;
        while (this.#changes.length > MAX_CHANGES || (this.#size > MAX_SIZE && this.#changes.length > 1)) {
            this.#size -= this.#changes.shift()?.size ?? 0;
        }
    }

    /** The change that follows the one of this number. */
    after(sequence: number): NumberedChange | undefined {
        return this.#changes[sequence + 1 - this.first];
    }

    /** The id of a change in an event stream. */
    idOf(sequence: number): string {
        return `${this.#epoch}-${sequence}`;
    }

    /**
     * Where to go on after the event of this id: behind it, or behind what is left, if that is less. After an id of another process
     * nobody can tell what was missed: one goes on with what comes.
     */
    positionAfter(id: string | undefined): number {
        const [, epoch, digits] = /^([^-]*)-(\d{1,15})$/.exec(id ?? "") ?? [];
        const sequence = Number(digits);
        if (epoch !== this.#epoch || sequence > this.#last) return this.#last;
        return Math.max(sequence, this.first - 1);
    }
}

function sizeOf({ before, after }: DirectoryChange): number {
    return JSON.stringify([before?.td, after?.td]).length;
}
