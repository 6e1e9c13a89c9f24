/** The protocol core: HiveOT SSE-SC without Node, HTTP or node-wot. It runs in a browser too. */
export * from "./errors";
export * from "./identity";
export * from "./messages";
export * from "./operations";
export * from "./converters/converter";
export { rrn } from "./converters/rrn";
export * from "./converters/dialects";
export { rrn2025 } from "./converters/rrn-2025";
export * from "./event-stream";
export * from "./pending-requests";
export * from "./subscriptions";
export * from "./channel";
export * from "./peer";
export * from "./peer-operations";
export type { SubscriptionHandle, SubscriptionHandlers } from "./peer-subscriptions";
export { DEFAULT_MAX_DEPTH, parseJson } from "./json";
