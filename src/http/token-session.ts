/**
 * The credentials of one account at one server: logs in, keeps a valid token, makes the headers that show it. Who has a certificate
 * needs no token: TLS shows it (connect-transport.ts).
 *
 * A 401 proves that the request was not executed, so after one there is one log-in with the password, if there is one, whoever
 * and however many met it at once (design.md, "Client side").
 */
import { SseScError, toSseScError } from "../../lib/errors";
import { isRecord, parseJson } from "../../lib/json";
import { isToken, readClaims, type TokenClaims } from "./bearer-token";
import type { TransportRequest, TransportResponse } from "./client-transport";
import type { Credentials } from "./credentials";
import { replyError } from "./reply-error";

export type { Credentials } from "./credentials";

/** Default of `tokenRefreshInterval` in milliseconds. */
export const DEFAULT_TOKEN_REFRESH_INTERVAL = 3_600_000;

/** Part of a token's remaining life after which it is refreshed. */
const REFRESH_AT = 0.8;
/** Least time between two refreshes, and until a failed one is tried again (milliseconds). */
const MIN_DELAY = 100;
const RETRY_DELAY = 30_000;
/** `setTimeout` takes no more; a longer delay is waited for in parts. */
const MAX_DELAY = 2 ** 31 - 1;

export interface TokenSessionOptions {
    /** Makes a request to the server that the credentials are for, and to no other. */
    readonly request: (request: TransportRequest) => Promise<TransportResponse>;
    /** Milliseconds after which a token that does not show its end is refreshed. */
    readonly refreshInterval: number;
    /** Milliseconds for one log-in or refresh. */
    readonly timeout: number;
    /** Member of the log-in's body that holds the user name: a convention of the dialect (protocol.md, "Endpoints"). */
    readonly loginMember: "username" | "login";
    /** False while the connection rests: who has a password need not keep a token fresh then. */
    readonly isActive: () => boolean;
    /** Hears why a refresh failed; the session goes on with what it has. */
    readonly onRefreshFailed: (error: SseScError) => void;
}

/** What shows who a request is from, and by which token. */
export interface Authorization {
    readonly headers: Readonly<Record<string, string>>;
    /** Absent where a certificate shows it. */
    readonly token: string | undefined;
}

/** The tokens of one account at one server. */
export class TokenSession {
    readonly #credentials: Credentials;
    readonly #options: TokenSessionOptions;
    #token: string | undefined;
    #claims: TokenClaims = { clientId: undefined, expiresAt: undefined };
    /** When the token should be replaced, in milliseconds since the epoch. */
    #dueAt = Number.POSITIVE_INFINITY;
    #timer: NodeJS.Timeout | undefined;
    /** The log-in or refresh under way: never two at once. */
    #renewal: Promise<void> | undefined;
    #closed = false;

    constructor(credentials: Credentials, options: TokenSessionOptions) {
        this.#credentials = credentials;
        this.#options = options;
        if ("token" in credentials) this.#accept(credentials.token);
    }

    /**
     * The headers of a request, after a log-in where one is needed.
     * @throws SseScError INVALID_CREDENTIALS, TOO_MANY_REQUESTS, CONNECT_FAILED, … when there is no token to be had
     */
    async authorize(): Promise<Authorization> {
        if (this.#closed) throw new SseScError("ALREADY_CLOSED");
        if ("clientCert" in this.#credentials) return { token: undefined, headers: this.#clientIdHeader() };
        if (this.#token === undefined) await this.#renew(() => this.#login());
        else if (Date.now() >= this.#dueAt) await this.#renew(() => this.#refresh());
        const token = this.#token;
        if (token === undefined) throw new SseScError("UNAUTHORIZED");
        return { token, headers: { authorization: `bearer ${token}`, ...this.#clientIdHeader() } };
    }

    /**
     * Sees to another token after a 401.
     * @param refused the token that the server did not take
     * @returns false if there is nothing more to show
     * @throws SseScError why the log-in failed
     */
    async recover(refused: string): Promise<boolean> {
        await this.#renewal?.catch(() => undefined);
        if (this.#closed) return false;
        if (this.#token !== refused) return true; // somebody else met the 401 first
        if (!("password" in this.#credentials)) return false;
        await this.#renew(() => this.#login());
        return true;
    }

    /** Forgets the token and stops the refreshing. */
    close(): void {
        this.#closed = true;
        clearTimeout(this.#timer);
        this.#token = undefined;
    }

    #clientIdHeader(): Record<string, string> {
        const given = this.#credentials;
        const shown = this.#claims.clientId;
        const id = "username" in given ? (shown ?? given.username) : (given.clientId ?? shown);
        // A header carries bytes; the reference reads them as UTF-8.
        return id === undefined ? {} : { clientID: Buffer.from(id, "utf8").toString("latin1") };
    }

    #renew(work: () => Promise<void>): Promise<void> {
        this.#renewal ??= work().finally(() => {
            this.#renewal = undefined;
        });
        return this.#renewal;
    }

    async #login(): Promise<void> {
        if (!("password" in this.#credentials)) throw new SseScError("UNAUTHORIZED");
        const { username, password } = this.#credentials;
        // No `cid` here: it is how the January client's log-in is told apart (protocol.md, "Endpoints").
        const response = await this.#post("/authn/login", {}, { [this.#options.loginMember]: username, password });
        if (response.status >= 300) throw replyError(response, "INVALID_CREDENTIALS");
        this.#accept(readToken(response));
    }

    async #refresh(): Promise<void> {
        const old = this.#token;
        if (old === undefined) return;
        let failure: SseScError;
        try {
            const headers = { authorization: `bearer ${old}`, ...this.#clientIdHeader() };
            const response = await this.#post("/authn/refresh", headers, old);
            if (response.status >= 300) throw replyError(response);
            if (this.#token === old) this.#accept(readToken(response));
            return;
        } catch (error) {
            failure = toSseScError(error, "CONNECTION_LOST");
        }
        if (this.#closed) return;
        if ("password" in this.#credentials) {
            try {
                await this.#login();
                return;
            } catch (error) {
                failure = toSseScError(error, "CONNECTION_LOST");
            }
        }
        // The old token may still serve; if not, a 401 will say so.
        this.#schedule(RETRY_DELAY);
        this.#options.onRefreshFailed(failure);
    }

    #post(path: string, headers: Record<string, string>, body: unknown): Promise<TransportResponse> {
        return this.#options.request({
            method: "POST",
            path,
            headers: { ...headers, "content-type": "application/json", accept: "application/json" },
            body: JSON.stringify(body),
            timeout: this.#options.timeout,
        });
    }

    #accept(token: string): void {
        if (this.#closed) return;
        if (!isToken(token)) throw new SseScError("UNAUTHORIZED", "The token cannot be sent in a header");
        this.#token = token;
        this.#claims = readClaims(token);
        // A token that seems to be over already says more about our clock than about the token.
        const life = (this.#claims.expiresAt ?? 0) - Date.now();
        this.#schedule(life > 0 ? Math.max(life * REFRESH_AT, MIN_DELAY) : this.#options.refreshInterval);
    }

    #schedule(delay: number): void {
        if (this.#closed) return;
        this.#dueAt = Date.now() + delay;
        this.#startTimer();
    }

    #startTimer(): void {
        clearTimeout(this.#timer);
        const delay = Math.min(Math.max(this.#dueAt - Date.now(), 0), MAX_DELAY);
        this.#timer = setTimeout(() => {
            this.#onTimer();
        }, delay);
        this.#timer.unref();
    }

    #onTimer(): void {
        if (Date.now() < this.#dueAt) this.#startTimer();
        // With a password the next request sees to it; a token alone would be lost.
        else if (this.#options.isActive() || !("password" in this.#credentials)) {
            this.#renew(() => this.#refresh()).catch(() => undefined);
        }
    }
}

/** The token in the reply to a log-in or refresh: a JSON string, or the member `token` (protocol.md, "Endpoints"). */
function readToken({ body }: TransportResponse): string {
    let json: unknown;
    try {
        json = parseJson(body);
    } catch (cause) {
        throw new SseScError("PEER_FAILED", "The reply to the log-in is not JSON", { cause });
    }
    const token = isRecord(json) ? json["token"] : json;
    if (!isToken(token)) throw new SseScError("PEER_FAILED", "The reply to the log-in holds no token");
    return token;
}
