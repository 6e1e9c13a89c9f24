/** Frames of the event stream as a server numbers and encodes them: a message to many streams is encoded once per dialect. */
import type { MessageConverter } from "../../lib/converters/converter";
import { encodeEvent, encodePing } from "../../lib/event-stream";
import { newId, type Message } from "../../lib/messages";
import type { Frame } from "../../lib/outbox";
import { topicKey } from "../../lib/subscriptions";

/** What an id of a frame says: which life of which server, and which frame of it (design.md, "Delivery": `<epoch>-<sequence>`). */
export interface FramePosition {
    readonly epoch: string;
    readonly sequence: number;
}

/** Reads an id, such as a `Last-Event-ID`; `undefined` if it is none of ours. */
export function parseFrameId(id: string | undefined): FramePosition | undefined {
    const [, epoch, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(id ?? "") ?? [];
    return epoch === undefined || digits === undefined ? undefined : { epoch, sequence: Number(digits) };
}

/** Numbers the frames of one server: one sequence for all sessions, so that they can share frames. */
export class FrameNumbers {
    readonly epoch = newId().slice(0, 8);
    #sequence = 0;

    /** Sequence of the newest frame. */
    get current(): number {
        return this.#sequence;
    }

    /** Encodes a message as the next frame. @throws what the converter throws */
    encode(message: Message, converter: MessageConverter): Frame {
        return this.#number(message, converter.encode(message));
    }

    /** The same frame with a new number. */
    renumber(frame: Frame): Frame {
        const sequence = ++this.#sequence;
        const rest = Buffer.from(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
        const head = Buffer.from(`id: ${this.id(sequence)}\n`);
        return { ...frame, sequence, bytes: Buffer.concat([head, rest.subarray(rest.indexOf("\n") + 1)]), holders: 0 };
    }

    /** The first frame of a stream. It is of no outbox. */
    ping(sequence: number): Buffer {
        return Buffer.from(encodePing(this.id(sequence)));
    }

    id(sequence: number): string {
        return `${this.epoch}-${sequence}`;
    }

    #number(message: Message, json: string): Frame {
        const sequence = ++this.#sequence;
        const bytes = Buffer.from(encodeEvent(message.kind, json, this.id(sequence)));
        return { sequence, bytes, topic: conflationTopic(message), holders: 0 };
    }
}

/** A notification about one property: a newer one says all that an older one says. */
function conflationTopic(message: Message): string | undefined {
    const isValue = message.kind === "notification" && message.affordance === "property" && message.name !== "";
    return isValue ? topicKey(message) : undefined;
}

/** The frames of one message by dialect. */
export class SharedFrames {
    readonly #frames = new Map<MessageConverter, Frame | undefined>();

    /** @param onError hears, once per dialect, of a dialect that cannot say this; its streams go without */
    constructor(
        readonly message: Message,
        private readonly onError: (what: string, error: unknown) => void
    ) {}

    /**
     * The frame in one dialect; `undefined` if it cannot be said there.
     * @param after a number that the frame's must be above
     */
    frame(converter: MessageConverter, numbers: FrameNumbers, after: number): Frame | undefined {
        const known = this.#frames.get(converter);
        if (known === undefined && this.#frames.has(converter)) return undefined;
        if (known !== undefined && known.sequence > after) return known;
        const frame = known === undefined ? this.#encode(converter, numbers) : numbers.renumber(known);
        this.#frames.set(converter, frame);
        return frame;
    }

    #encode(converter: MessageConverter, numbers: FrameNumbers): Frame | undefined {
        try {
            return numbers.encode(this.message, converter);
        } catch (error) {
            this.onError(`a ${this.message.kind} in the dialect ${converter.name}`, error);
            return undefined;
        }
    }
}
