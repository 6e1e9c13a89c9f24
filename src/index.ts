/** HiveOT SSE-SC binding for Eclipse Thingweb node-wot. Named exports only: node-wot's core is CommonJS. */
export { createDevelopmentCertificate, type DevelopmentCertificate } from "./development-certificate";
export { SseScServer, type SseScServerStatus } from "./sse-sc-server";
export type { SseScServerConfig } from "./config";
export type { HubConfig } from "./hub-config";
export type { DirectoryEntry, HubDirectory } from "./hub-directory";
export type {
    ClientRequestOptions,
    ServerConnection,
    ServerConnectionEvent,
    ServerConnectionEventMap,
    ServerConnectionListener,
    ServerConnections,
} from "./server-connections";
export { SseScAgent } from "./sse-sc-agent";
export type { SseScAgentConfig } from "./agent-config";
export type { AgentEvent, AgentEventMap, AgentListener, AgentState, SseScAgentStatus } from "./agent-events";
export { SseScClientFactory, SseScPlainClientFactory, type ConsumedThingOrDescription } from "./sse-sc-client-factory";
export { connect, type ConnectionOptions } from "./connect";
export type { Connection } from "./connection";
export type { ConnectionEvent, ConnectionEventMap, ConnectionListener, ConnectionState } from "./connection-events";
export { SseScClient } from "./sse-sc-client";
export type { SseScClientConfig, SseScPlainClientConfig } from "./client-config";
export type { DialectsConfig } from "./dialects";
export type { HttpRequest, HttpResponse } from "./http/exchange";
export type { MountedHandler } from "./http/mount";
export { discover, type DiscoverOptions } from "./discovery/discover";
export type { FoundService } from "./discovery/found-service";
export type { AnnounceOptions } from "./discovery/options";
export { fetchThingDescription, type FetchDescriptionOptions } from "./fetch-thing-description";
export { normalizeThingDescription } from "./things/normalizer";
export { thingModelToDescription, type ThingInit, type ThingModelOptions } from "./things/thing-models";
export type {
    Account,
    AccountConfig,
    AccountRegistry,
    AccountStore,
    LoginLimits,
    RoleTable,
    Strategy,
    StrategyActions,
    StrategyRequest,
    StrategyUser,
} from "./auth";
export type { ActionData } from "./things/dispatcher";
export type { ThingDescription } from "./things/thing-description";
export type { Peer } from "../lib/peer";
export type { PeerOperations, RequestOptions, StartedAction, SubscribeOptions } from "../lib/peer-operations";
export type { ActionStatus, EventReading } from "../lib/peer-results";
export type { SubscriptionHandle, SubscriptionHandlers } from "../lib/peer-subscriptions";
export type { MessageConverter } from "../lib/converters/converter";
export { SseScError, type ErrorCode, type Problem } from "../lib/errors";
