/**
 * Order by code points, in which a directory lists its TDs (WoT Discovery, tdd-things-list-pagination-order-default). JavaScript
 * compares UTF-16 units, in which U+10000 and above, written as surrogates, come before U+E000. The order of UTF-8 bytes, which is
 * that of the store, is the order of code points.
 */

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/** Compares two texts without lone surrogates by their code points. */
export function compareCodePoints(a: string, b: string): number {
    const length = Math.min(a.length, b.length);
    for (let i = 0; i < length; i++) {
        const left = a.charCodeAt(i);
        const right = b.charCodeAt(i);
        if (left !== right) return rank(left) - rank(right);
    }
    return a.length - b.length;
}

/** Surrogates rank above all other units, as the characters that they stand for do. */
function rank(unit: number): number {
    return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE ? unit + 0x10000 : unit;
}

/** Where `text` is in a sorted list, or belongs. */
export function positionIn(sorted: readonly string[], text: string): number {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (compareCodePoints(sorted[middle] ?? "", text) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}
