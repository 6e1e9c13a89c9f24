/** The list of TDs over HTTP (WoT Discovery, "Listing"): in pages or whole, record by record, as fast as the client reads. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import {
    isGone,
    mediaType,
    mountOf,
    numberIn,
    queryOf,
    wordIn,
    type DirectoryRequest,
    type RenderFor,
} from "./directory-http";
import type { DirectoryRecord, Json } from "./directory-records";
import type { DirectoryStore } from "./directory-store";
import { withRegistration } from "./registration";

const DISCOVERY_CONTEXT = "https://www.w3.org/2022/wot/discovery";
/** TDs that are written in one turn of the event loop. */
const MAX_TURN = 50;
/** Milliseconds. */
const MAX_STALL = 30_000;

/**
 * Answers GET and HEAD of `/things`.
 * @param tag names the state of the directory
 * @throws SseScError INVALID_REQUEST for a query that makes no sense
 */
export async function sendList(
    request: DirectoryRequest,
    response: ServerResponse,
    store: DirectoryStore,
    render: RenderFor,
    tag: string
): Promise<void> {
    const query = queryOf(request);
    const offset = numberIn(query, "offset", 0, 0);
    const limit = numberIn(query, "limit", 1, Infinity);
    const format = wordIn(query, "format", ["array", "collection"], "array");
    const { ids, total } = store.page(offset, limit);
    const mount = mountOf(request);
    const end = offset + ids.length;
    const next = ids.length > 0 && end < total ? `${mount}/things?${nextQuery(query, end, limit)}` : undefined;
    const links = [
        ...(next === undefined ? [] : [`<${next}>; rel="next"`]),
        `<${mount}/things>; rel="canonical"; etag="${tag}"`,
    ];
    response.writeHead(200, {
        "content-type": mediaType(request, "application/ld+json"),
        "cache-control": "no-store",
        vary: "accept",
        link: links.join(", "),
    });
    if (request.method === "HEAD") {
        response.end();
        return;
    }
    const [head, tail] = format === "array" ? ["[", "]"] : collection(request, mount, total, next);
    const members = describe(ids, store, (record) => withRegistration(render(record, request), record, Date.now()));
    await writeAll(response, head, members, tail);
}

/** All arguments are kept (tdd-things-list-pagination-header-nextlink-attr). */
function nextQuery(query: URLSearchParams, offset: number, limit: number): string {
    const next = new URLSearchParams({ offset: String(offset), limit: String(limit) });
    for (const [name, value] of query) if (name !== "offset" && name !== "limit") next.append(name, value);
    return next.toString();
}

/** What is ahead of the members of a collection, and behind them. */
function collection(
    { url = "" }: DirectoryRequest,
    mount: string,
    total: number,
    next: string | undefined
): [head: string, tail: string] {
    const rest = {
        "@context": DISCOVERY_CONTEXT,
        "@type": "ThingCollection",
        "@id": mount + url,
        total,
        ...(next === undefined ? {} : { next }),
    };
    return [`${JSON.stringify(rest).slice(0, -1)},"members":[`, "]}"];
}

/** A TD that went meanwhile is left out. */
function* describe(
    ids: readonly string[],
    store: DirectoryStore,
    show: (record: DirectoryRecord) => Json
): Generator<string> {
    let separator = "";
    for (const id of ids) {
        const record = store.get(id);
        if (record === undefined) continue;
        yield separator + JSON.stringify(show(record));
        separator = ",";
    }
}

/** A client that reads nothing for a while loses its connection. */
async function writeAll(
    response: ServerResponse,
    head: string,
    members: Iterable<string>,
    tail: string
): Promise<void> {
    if (isGone(response)) return; // nothing would tell us any more
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    response.write(head);
    let written = 0;
    for (const member of members) {
        if (!response.write(member)) {
            const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(MAX_STALL)]);
            await once(response, "drain", { signal });
        } else if (++written % MAX_TURN === 0) await turn(); // others want to be served too
        if (gone.signal.aborted) return;
    }
    response.end(tail);
}
