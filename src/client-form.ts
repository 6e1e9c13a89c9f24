/** What a form says to the client: node-wot hands it nothing else (node-wot.md, "Consuming"). */
import type { Form } from "@node-wot/core";
import { SseScError } from "../lib/errors";
import { httpTarget, schemeOf } from "./http/origin";
import { NAME, STREAM, THING_ID } from "./things/normalizer";

/** The Thing that a form of ours leads to. */
export interface ThingTarget {
    /** http(s) origin. */
    readonly origin: string;
    /** Path of the event stream. */
    readonly streamPath: string;
    readonly thingId: string;
}

/** A form of ours, read. */
export interface FormTarget extends ThingTarget {
    readonly name: string;
    /** The expanded uriVariables, as the text of a query; empty if there are none. */
    readonly query: string;
    readonly operations: readonly string[];
    /** Media type of what goes out. */
    readonly contentType: string | undefined;
    /** Media type of what comes back. */
    readonly responseType: string | undefined;
}

/**
 * Reads what a form says of its Thing.
 * @param scheme of the factory: a form with another one is for somebody else
 * @throws SseScError INVALID_TD naming the member
 */
export function readThingTarget(form: Form, scheme: string): ThingTarget & { readonly query: string } {
    const thingId = form[THING_ID];
    const stream = form[STREAM];
    if (typeof thingId !== "string" || thingId === "") throw missing(THING_ID);
    if (typeof stream !== "string" || !/^\/[\x21-\x7e]*$/.test(stream)) throw missing(STREAM);
    const target = schemeOf(form.href) === scheme ? httpTarget(form.href) : undefined;
    if (target === undefined) throw new SseScError("INVALID_TD", `The href of a form is no ${scheme}: URL`);
    return { origin: target.origin, streamPath: stream, thingId, query: target.query };
}

/**
 * Reads the form of an affordance.
 * @param scheme of the factory: a form with another one is for somebody else
 * @throws SseScError INVALID_TD naming the member
 */
export function readForm(form: Form, scheme: string): FormTarget {
    const name = form[NAME];
    if (typeof name !== "string" || name === "") throw missing(NAME);
    const { op = [], contentType, response } = form;
    return {
        ...readThingTarget(form, scheme),
        name,
        operations: typeof op === "string" ? [op] : op,
        contentType,
        responseType: response?.contentType ?? contentType,
    };
}

function missing(member: string): SseScError {
    const hint =
        "call normalizeThingDescription() on Thing Descriptions that come from elsewhere before you consume them";
    return new SseScError("INVALID_TD", `A form lacks ${member}: ${hint}`);
}
