/** How a client shows who it is. */

/** A password, a token or a TLS certificate; shown to the one server that it is for. */
export type Credentials =
    /** Gets tokens of the server. */
    | { readonly username: string; readonly password: string }
    /** Is used as it is, and refreshed at the server. */
    | {
          readonly token: string;
          /** The `clientID` header, where the token does not show it. */
          readonly clientId?: string;
      }
    /** Is shown with TLS; there is no log-in. */
    | {
          /** Certificate, with those of the authorities in between: a path, or the PEM text itself. */
          readonly clientCert: string;
          /** Its private key: a path, or the PEM text itself. */
          readonly clientKey: string;
          /** The `clientID` header. Default: the common name of the certificate. */
          readonly clientId?: string;
      };
