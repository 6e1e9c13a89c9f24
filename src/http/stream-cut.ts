/** Cuts event streams, and gives up connections whose memory cutting cannot give back. */
import { cut, type HttpResponse } from "./exchange";

/** Unsent bytes of destroyed streams that one HTTP/2 session may have: Node never gives them back (design.md, "Delivery"). */
const MAX_DISCARDED = 16 * 1024 * 1024;

/** By session. */
const discarded = new WeakMap<object, number>();

/** Destroys the stream of a response. */
export function cutStream(response: HttpResponse): void {
    const { session, destroyed, writableLength = 0 } = response.stream ?? {};
    const unsent = destroyed === true ? 0 : writableLength;
    cut(response);
    if (session === undefined || session === null || unsent === 0) return;
    const sum = (discarded.get(session) ?? 0) + unsent;
    discarded.set(session, sum);
    if (sum > MAX_DISCARDED) session.close(); // GOAWAY: what runs ends in peace, the client dials anew
}
