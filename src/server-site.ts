/** All that a server serves over HTTP, composed of what the rooms have: SSE-SC, `/authn`, TDs, and a hub's directory. */
import { dialectOf } from "../lib/converters/dialects";
import { AUTHN_PATHS, authenticateNobody, type Auth } from "./auth";
import type { ServerSettings } from "./config";
import type { Descriptions } from "./descriptions";
import { createApp } from "./http/app";
import { readJson } from "./http/body";
import { endUnread, header, type HttpRequest, type Site } from "./http/exchange";
import { SseScRoutes, type RouteOptions } from "./http/routes";
import type { Hub } from "./hub";

/** What a site is made of. */
export interface SiteParts extends Pick<
    RouteOptions,
    "sessions" | "onError" | "onResponse" | "onNotification" | "stored"
> {
    readonly settings: ServerSettings;
    /** Absent where nobody shows who they are. */
    readonly auth: Auth | undefined;
    /** Absent where the server is none. */
    readonly hub: Hub | undefined;
    /** The TDs of the server. @throws SseScError ALREADY_CLOSED while it does not run */
    readonly descriptions: () => Descriptions;
    /** True if the application exposes a Thing of this id. */
    readonly hasThing: (thingId: string) => boolean;
}

/** Makes the site of a server that is starting; loads Express. */
export async function createSite(parts: SiteParts): Promise<Site> {
    const { settings, auth, hub, descriptions, hasThing } = parts;
    const { dialects, streamPath, tdAccess, maxDepth } = settings;
    const authenticate = auth?.authenticate ?? authenticateNobody;
    const routes = new SseScRoutes({
        ...settings,
        ...parts,
        streams: dialects,
        defaultConverter: dialectOf(streamPath, dialects),
        authenticate,
    });
    const authn = await auth?.router((request, maxSize) => readJson(request, maxSize, maxDepth));
    const directory = await hub?.createRoutes({
        authenticate,
        readJson: (request, maxSize) => readJson(request, maxSize, maxDepth),
        render: (record, request) => descriptions().ofRecord(record, hostOf(request)),
        maxBodySize: settings.maxMessageSize,
        heartbeatInterval: settings.heartbeatInterval,
    });
    const app = await createApp({
        authn: authn && { paths: AUTHN_PATHS, handle: authn },
        directory,
        ownDescription: async (request) => {
            if (tdAccess === "authenticated") await authenticate(request);
            return descriptions().wellKnown(hostOf(request));
        },
        hasThing,
        thingDescription: async (thingId, request) => {
            // Of a hub only the directory's own TD is public (design.md, "HTTP side")
            if (tdAccess === "authenticated" || hub !== undefined) await authenticate(request);
            return descriptions().of(thingId, hostOf(request));
        },
    });
    return {
        owns: (url) => routes.owns(url) || app.owns(url),
        handle: (request, response, url) => {
            if (endUnread(request, response)) return;
            if (!routes.handle(request, response, url)) app.handle(request, response, url);
        },
    };
}

function hostOf(request: HttpRequest): string | undefined {
    return header(request, "host") ?? header(request, ":authority");
}
