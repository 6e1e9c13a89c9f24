/** HiveOT SSE-SC binding for Eclipse Thingweb node-wot. Named exports only: node-wot's core is CommonJS. */
export { createDevelopmentCertificate, type DevelopmentCertificate } from "./development-certificate";
export { SseScServer, type SseScServerStatus } from "./sse-sc-server";
export type { SseScServerConfig } from "./config";
export type { Account, AccountConfig, AccountStore, LevelAccounts, LoginLimits, RoleTable } from "./auth";
export type { ActionData } from "./things/dispatcher";
export type { ThingDescription } from "./things/thing-description";
export { SseScError, type ErrorCode, type Problem } from "../lib/errors";
