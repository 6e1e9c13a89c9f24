/** The scenarios' consumer without node-wot: a connection of `connect()`. */
import { connect, type Connection } from "../../src/index";
import { isSecure, type Role, type SetUp, type Transport, usernameOf } from "../support/set-ups";
import { type Consumer, type Heard, Inbox, type Listening, type Outcome, type Running, type Target } from "./consumers";
import { asFailure, asHeard, type PeerOperation } from "./node-wot-consumer";
import { type Dialect, freshId, PATIENCE, STREAM_PATHS } from "./raw/raw-client";

export class ConnectConsumer implements Consumer {
    private constructor(
        readonly clientId: string,
        private readonly connection: Connection
    ) {}

    static async connect(setUp: SetUp, transport: Transport, role: Role, dialect: Dialect): Promise<ConnectConsumer> {
        const httpVersion = transport === "TLS h2" ? 2 : 1;
        const options = isSecure(transport) ? ({ caCert: setUp.certificate.cert, httpVersion } as const) : {};
        const connection = await connect(
            setUp.origin + STREAM_PATHS[dialect],
            { token: await setUp.token(role) },
            options
        );
        return new ConnectConsumer(usernameOf(role), connection);
    }

    async perform(operation: string, { uriVariables, ...target }: Target = {}): Promise<Outcome> {
        const options = uriVariables === undefined ? {} : { uriVariables };
        return this.connection
            .request({ operation, ...target }, options)
            .then(({ output }): Outcome => ({ ok: true, output }), asFailure);
    }

    async listen(operation: string, { thingId = "", name = "" }: Target = {}): Promise<Listening> {
        const inbox = new Inbox<Heard>();
        const handle = await this.connection.subscribe(operation as PeerOperation, thingId, name, {
            onNotification: (notification) => {
                inbox.push(asHeard(notification));
            },
        });
        return { heard: inbox.all, next: () => inbox.next(PATIENCE), stop: () => handle.stop() };
    }

    invoke(target: Target): Running {
        const id = freshId("action");
        const progress: unknown[] = [];
        const outcome = this.connection
            .request(
                { operation: "invokeaction", ...target, correlationId: id },
                { onProgress: (value) => progress.push(value) }
            )
            .then(({ output }): Outcome => ({ ok: true, output }), asFailure);
        return { id, outcome, progress: () => progress };
    }

    async close(): Promise<void> {
        await this.connection.close();
    }
}
