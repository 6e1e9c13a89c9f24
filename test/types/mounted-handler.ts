/** HTTP servers take a mounted handler as it is, without a cast. Compiled by `npm run check` (types). */
import type { HttpConfig } from "@node-wot/binding-http";
import type { RequestHandler } from "express";
import type { RequestListener } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { MountedHandler, SseScServer } from "node-wot-binding-hiveot";

/** Compiles only if `Given` may stand where `Wanted` is asked for. */
type Fits<Wanted, Given extends Wanted> = [Wanted, Given];

export type HttpAndHttps = Fits<RequestListener, MountedHandler>;
export type Http2 = Fits<(request: Http2ServerRequest, response: Http2ServerResponse) => void, MountedHandler>;
export type Express = Fits<RequestHandler, MountedHandler>;
export type BindingHttp = Fits<HttpConfig["middleware"], MountedHandler>;
export type OfServer = Fits<() => MountedHandler, SseScServer["handler" | "router"]>;
