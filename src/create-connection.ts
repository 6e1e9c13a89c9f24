/** Where the connections of the client side are made: the one place that picks the dialect of a stream. */
import { createLoggers } from "@node-wot/core";
import { dialectOf } from "../lib/converters/dialects";
import type { PathListener } from "../lib/peer";
import type { ClientSettings } from "./client-config";
import { ClientConnection, type AgentOptions, type ConnectionTarget } from "./http/client-connection";

const { info } = createLoggers("binding-hiveot", "client");

/**
 * Makes a connection that opens when it is needed.
 * @param path hears how it fares
 * @param agent what makes an agent of this side
 */
export function createConnection(
    target: ConnectionTarget,
    settings: ClientSettings,
    path?: PathListener,
    agent?: AgentOptions
): ClientConnection {
    const converter = dialectOf(target.streamPath, settings.dialects);
    return new ClientConnection(target, { ...settings, converter, log: info, path, agent });
}
