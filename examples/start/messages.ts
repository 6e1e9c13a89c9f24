/** What the two processes of the demonstration tell each other by Node's own channel between parent and child. */

/** From the server's process: where the Thing is, and what is needed to get at it. */
export interface Assignment {
    /** Where the TD is found. */
    readonly tdUrl: string;
    /** The certificate to trust, PEM. */
    readonly caCert: string;
    readonly username: string;
    readonly password: string;
}

/** From the consumer's process, once every value was as expected. */
export interface Success {
    /** Number of values that were checked. */
    readonly checked: number;
}
