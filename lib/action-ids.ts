/**
 * Ids of actions inside messages. The correlation id of an `invokeaction` request is the action's id, and answers and progress
 * carry it within them: a hub, which gives each request a new correlation id on its way to the agent, has to map those too.
 */
import { isRecord, createRecord } from "./json";
import { isMessage, type NotificationMessage, type ResponseMessage } from "./messages";

/** What an id is called on the other side; one that is not known stays as it is. */
export type ActionIdMap = (actionId: string) => string;

/**
 * The output of a response with the ids of actions inside it mapped: those of `queryaction` and `queryallactions`, where the
 * neutral model has responses inside (messages.ts). Any other output is returned as it is.
 */
export function mapActionIds(operation: string, output: unknown, map: ActionIdMap): unknown {
    if (operation === "queryaction") return mapStatus(output, map);
    if (operation !== "queryallactions" || !isRecord(output)) return output;
    const mapped = createRecord<unknown>();
    for (const [name, status] of Object.entries(output)) mapped[name] = mapStatus(status, map);
    return mapped;
}

/** Progress of an action as the other side calls it. */
export function mapProgress(progress: NotificationMessage, correlationId: string): NotificationMessage {
    return { ...progress, correlationId, value: mapStatus(progress.value, () => correlationId) };
}

/** The id of the action that progress is about; empty if it does not say (protocol.md, "Envelopes": the reference sends none). */
export function actionIdOf({ correlationId, value }: NotificationMessage): string {
    return correlationId || (isMessage(value, "response") ? value.correlationId : "");
}

function mapStatus(value: unknown, map: ActionIdMap): unknown {
    if (!isMessage(value, "response")) return value;
    return { ...value, correlationId: map(value.correlationId) } satisfies ResponseMessage;
}
