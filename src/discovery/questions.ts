/** Which of our records a query asks for. */
import type { Answer } from "dns-packet";
import { nameKey, OTHER_TTL } from "./announcement";
import type { MulticastPacket } from "./multicast";

/** What a question and the records that answer it have in common: type and name. */
export function recordKey({ type, name }: Pick<Answer, "type" | "name">): string {
    return `${type} ${nameKey(name)}`;
}

/**
 * Keys of our records that a query asks for. Who asks says what is known already: it is not said again, unless it is about to be
 * forgotten (RFC 6762, section 7.1).
 * @param instance our full name
 * @param keys those of all our records
 */
export function askedIn(
    { questions, answers }: Pick<MulticastPacket, "questions" | "answers">,
    instance: string,
    keys: ReadonlySet<string>
): string[] {
    const known = new Set(
        answers.flatMap((record) =>
            record.type === "PTR" && (record.ttl ?? 0) >= OTHER_TTL / 2 && nameKey(record.data) === nameKey(instance)
                ? [recordKey(record)]
                : []
        )
    );
    return questions.flatMap(({ name, type }) => {
        const nameOf = nameKey(name);
        if (type === "ANY") return [...keys].filter((key) => key.slice(key.indexOf(" ") + 1) === nameOf);
        const key = `${type} ${nameOf}`;
        return keys.has(key) && !known.has(key) ? [key] : [];
    });
}
