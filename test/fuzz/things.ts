/** Thing Descriptions that are nearly right. */
import fc from "fast-check";
import { nearly } from "./json-text";

/** Ids that the fuzzed TDs have, so that they meet each other. */
export const THING_IDS: readonly string[] = ["urn:x", "urn:y", "agent:sensor 1", "\u{1f600}"];

const SSE_FORM = { href: "/hiveot/request", subprotocol: "sse-sc", op: ["readproperty", "observeproperty"] };
const HTTP_FORM = { href: "https://host/x{?a}", contentType: "application/json", op: "readproperty" };
const SCHEMA = { type: "object", properties: { a: { type: "integer", minimum: 0, enum: [1, 2] } }, required: ["a"] };

const TDS = THING_IDS.flatMap((id) => [
    {
        "@context": ["https://www.w3.org/2022/wot/td/v1.1", { hiveot: "https://hiveot.net/ns#" }],
        "@type": ["Thing"],
        id,
        title: "Sensor",
        titles: { en: "Sensor" },
        base: "https://127.0.0.1:8444/hiveot/sse",
        created: "2026-11-20T23:32:40Z",
        version: { instance: "1.0.0" },
        security: "bearer",
        securityDefinitions: { bearer: { scheme: "bearer", alg: "ES256", format: "jwt", in: "header" } },
        uriVariables: { a: { type: "string" } },
        links: [{ href: "https://host/", rel: "icon", sizes: "1x1" }],
        registration: { ttl: 100 },
        forms: [{ ...SSE_FORM, op: ["readallproperties", "subscribeallevents"] }],
        properties: { p: { ...SCHEMA, observable: true, forms: [SSE_FORM, HTTP_FORM] }, q: { type: "null" } },
        actions: { a: { input: SCHEMA, output: { oneOf: [SCHEMA, { type: "string" }] }, forms: [] } },
        events: { e: { data: { type: "array", items: [SCHEMA] }, forms: [{ href: "sse://host/hiveot/request" }] } },
    },
    {
        "@context": "https://www.w3.org/2022/wot/td/v1.1",
        id,
        title: "x",
        security: ["nosec"],
        securityDefinitions: { nosec: { scheme: "nosec" } },
        properties: { p: { type: "integer", forms: [HTTP_FORM] } },
        actions: null,
    },
]);

/** A TD whose id is left to the directory. */
export const TD_WITHOUT_ID = {
    "@context": "https://www.w3.org/2022/wot/td/v1.1",
    title: "x",
    security: ["nosec"],
    securityDefinitions: { nosec: { scheme: "nosec" } },
};

/** Texts of TDs of which a few members are something else. */
export const NEAR_TDS: fc.Arbitrary<string> = nearly(fc.constantFrom(...TDS));
