/** What somebody without node-wot types to use the demonstration's server: POSIX shell, and curl 7.71 or later. */
import { COUNTER_ID } from "./counter-thing";

export interface CurlTarget {
    /** `https://host:port` */
    readonly origin: string;
    /** Path of the certificate to trust. Not `-k`: a password must not go to whoever answers. */
    readonly caFile: string;
    readonly username: string;
    readonly password: string;
}

/**
 * The lines, to be pasted as a whole. No comments in between: an interactive zsh would take them for commands. The stream runs in
 * the background; where a second is not enough for it to open, the request is repeated.
 */
export function curlLines({ origin, caFile, username, password }: CurlTarget): string {
    const credentials = JSON.stringify({ username, password });
    const request = JSON.stringify({
        messageType: "request",
        operation: "readproperty",
        thingID: COUNTER_ID,
        name: "count",
        correlationID: "curl-1",
    });
    const curl = `curl -sSf --cacert ${quote(caFile)}`;
    const headers = '-H "Authorization: Bearer $TOKEN" -H "cid: curl-$$"';
    return [
        `TOKEN=$(${curl} -d '${credentials}' ${origin}/authn/login | tr -d '"')`,
        `${curl} -N --max-time 3 ${headers} ${origin}/hiveot/ssesc 2>/dev/null &`,
        "sleep 1",
        `${curl} --retry 3 --retry-all-errors ${headers} -d '${request}' ${origin}/hiveot/request`,
        "wait $! || true",
    ].join("\n");
}

/** A text as one word of a POSIX shell. */
function quote(text: string): string {
    return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
