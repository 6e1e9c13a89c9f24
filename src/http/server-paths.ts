/**
 * Where a server has its paths: the same everywhere (protocol.md, "Endpoints"), below the base path at which it is mounted.
 *
 * A form tells a client no more than the path of the stream, so the base path is what comes ahead of the known end of that one.
 */

import { DEFAULT_DIALECTS, DEFAULT_STREAM_PATH } from "../../lib/converters/dialects";

/** The base path of a server whose stream is at `streamPath`; empty if there is none. */
export function basePathOf(streamPath: string): string {
    const end = [...DEFAULT_DIALECTS.keys()].find((path) => streamPath.endsWith(path));
    return end === undefined ? "" : streamPath.slice(0, -end.length);
}

/** Where the server that serves a TD at `path` has its stream, as far as the path of the TD tells. */
export function streamPathBeside(path: string): string {
    const [, basePath = ""] = /^(.*?)\/(?:\.well-known\/wot|things\/[^/]+)$/.exec(path) ?? [];
    return basePath + DEFAULT_STREAM_PATH;
}
