/**
 * JSON texts that mean harm: what a peer can write and `JSON.stringify` never does, such as a member twice, `__proto__`, lone surrogates,
 * numbers beyond all bounds; and texts that are nearly what they should be.
 */
import fc from "fast-check";

/** Names that the language gives a meaning, and names that our own code might. */
export const HOSTILE_NAMES: readonly string[] = [
    ...["__proto__", "constructor", "prototype", "toString", "valueOf", "hasOwnProperty", "toJSON", "then", "length"],
    ...["", "0", "-1", "$ref", "\ud800", "a\u0000b", "\u2028", "a.b", "*", "%2e%2e", "../..", "n".repeat(5_000)],
];

/** JSON texts of single values. */
const literals = fc.constantFrom(
    ...["null", "true", "false", "0", "-0", "-1", "1e400", "-1e400", "1e-400", "9007199254740993", "9".repeat(400)],
    ...['""', '"\\ud800"', '"\\udfff\\ud800x"', '"\\u0000"', '"\\u2028\\r\\n\\n"', '"__proto__"', '"data: x\\n\\n"'],
    ...["[]", "{}", "[[]]", "[null]", '[""]', '{"__proto__":{"polluted":1}}', '{"__proto__":null}', '{"__proto__":[]}'],
    ...['{"constructor":{"prototype":{"polluted":1}}}', '{"toString":1,"valueOf":1}', '{"then":1}', '{"a":1,"a":2}'],
    ...['"2026-11-20T23:32:40Z"', '"9999999-99-99"', '"completed"', '"invokeaction"', '"http://[::1"', '"sse://x/y"'],
    ...[
        `"${"x".repeat(20_000)}"`,
        `"${"a-".repeat(5_000)}!"`,
        `[${"0,".repeat(3_000)}0]`,
        `${"[".repeat(60)}${"]".repeat(60)}`,
    ],
    ...[`${'{"a":'.repeat(62)}1${"}".repeat(62)}`, '{"length":-1}', '{"length":1e9}', '{"$ref":"#"}', '"\ud800"']
);

function quoted(name: string): string {
    return JSON.stringify(name);
}

const names = fc.oneof(fc.constantFrom(...HOSTILE_NAMES), fc.string({ maxLength: 6, unit: "binary" })).map(quoted);

/** Any JSON as text, hostile for the most part. */
export const hostileJson: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
    value: fc.oneof({ depthSize: "small" }, { weight: 3, arbitrary: literals }, tie("object"), tie("array")),
    object: fc
        .array(fc.tuple(names, tie("value")), { maxLength: 4 })
        .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(",")}}`),
    array: fc.array(tie("value"), { maxLength: 4 }).map((entries) => `[${entries.join(",")}]`),
})).value;

/** A text, or the members of an object or an array: a member may be there twice. */
type Tree = string | { readonly isArray: boolean; readonly members: [name: string, value: Tree][] };

interface Edit {
    /** Which container, and which member in it. */
    readonly container: number;
    readonly member: number;
    readonly kind: "replace" | "remove" | "twice" | "add" | "rename";
    readonly name: string;
    readonly value: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
    container: fc.nat(1_000),
    member: fc.nat(1_000),
    kind: fc.constantFrom("replace", "replace", "replace", "remove", "twice", "add", "rename"),
    name: names,
    value: fc.oneof({ weight: 4, arbitrary: literals }, hostileJson),
});

/** Texts of nearly that value: one to four of its members, at any depth, are changed. */
export function nearly(sound: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
    return fc.tuple(sound, fc.array(edit, { maxLength: 4 })).map(([value, edits]) => {
        const tree = treeOf(value);
        for (const each of edits) apply(tree, each);
        return textOf(tree);
    });
}

function treeOf(value: unknown): Tree {
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const members = Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([name, entry]): [string, Tree] => [quoted(name), treeOf(entry)]);
    return { isArray: Array.isArray(value), members };
}

function apply(tree: Tree, { container, member, kind, name, value }: Edit): void {
    const all = containersOf(tree);
    const members = all[container % Math.max(all.length, 1)]?.members ?? [];
    const at = member % Math.max(members.length, 1);
    const found = members[at];
    if (kind === "add" || found === undefined) members.push([name, value]);
    else if (kind === "replace") found[1] = value;
    else if (kind === "rename") found[0] = name;
    else if (kind === "twice") members.push([found[0], value]);
    else members.splice(at, 1);
}

function containersOf(tree: Tree): Exclude<Tree, string>[] {
    if (typeof tree === "string") return [];
    return [tree, ...tree.members.flatMap(([, value]) => containersOf(value))];
}

function textOf(tree: Tree): string {
    if (typeof tree === "string") return tree;
    if (tree.isArray) return `[${tree.members.map(([, value]) => textOf(value)).join(",")}]`;
    return `{${tree.members.map(([name, value]) => `${name}:${textOf(value)}`).join(",")}}`;
}

/** Texts that are no JSON any more, or nested deeper than any stack: cut, with a character too many, or in thousands of brackets. */
export function broken(text: fc.Arbitrary<string>): fc.Arbitrary<string> {
    return fc
        .tuple(
            text,
            fc.nat(10_000),
            fc.constantFrom("cut", "insert", "deep"),
            fc.string({ maxLength: 3, unit: "binary" })
        )
        .map(([whole, place, kind, extra]) => {
            const at = place % (whole.length + 1);
            if (kind === "cut") return whole.slice(0, at);
            if (kind === "insert") return whole.slice(0, at) + extra + whole.slice(at);
            return `${"[".repeat(place * 5)}${whole}${"]".repeat(place * 5)}`;
        });
}
