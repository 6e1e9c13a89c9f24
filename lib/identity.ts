/** Who a message comes from: what authentication finds out and every room behind it may rely on. */

/** The authenticated sender of a request. */
export interface Identity {
    /** Id of the account; the `senderID` of everything that this client sends. */
    readonly clientId: string;
    /** Role of the account at this moment, read from the account store on every request, never from the token. */
    readonly role: string;
    /** Session id of the token (`sid` claim): what log-out revokes. Absent where the strategy has none. */
    readonly sessionId?: string;
    /** When the credential ends, in milliseconds since the epoch. Absent if it does not end. */
    readonly expiresAt?: number;
}
