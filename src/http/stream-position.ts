/** Where a client stands in the frames of its server: it names that to resume, and takes none twice (design.md, "Delivery"). */

/** The position of one channel, over all of its streams. */
export class StreamPosition {
    #epoch = "";
    #sequence = -1;
    #id: string | undefined;

    /** The id of the last frame that came; `undefined` if none had one. */
    get lastId(): string | undefined {
        return this.#id;
    }

    /**
     * Notes the id of a frame. It only moves forward within one epoch.
     * @returns false for a frame that has come already
     */
    moveTo(id: string): boolean {
        if (id === "" || id.length > 256) return true;
        const dash = id.lastIndexOf("-");
        const sequence = /^\d{1,15}$/.test(id.slice(dash + 1)) ? Number(id.slice(dash + 1)) : undefined;
        if (dash < 1 || sequence === undefined) {
            this.#id = id; // of a server that counts otherwise
            return true;
        }
        const epoch = id.slice(0, dash);
        if (epoch === this.#epoch && sequence <= this.#sequence) return false;
        this.#epoch = epoch;
        this.#sequence = sequence;
        this.#id = id;
        return true;
    }

    /** What comes next is a session of its own. */
    reset(): void {
        this.#epoch = "";
        this.#sequence = -1;
        this.#id = undefined;
    }
}
