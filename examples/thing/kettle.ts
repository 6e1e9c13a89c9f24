/** A kettle that shows each kind of affordance; the example `consumer` uses it too. */
import { setTimeout as delay } from "node:timers/promises";
import { thingModelToDescription, type ActionData } from "node-wot-binding-hiveot";
import { KETTLE_MODEL } from "./kettle-model";

/** Id of the Thing. */
export const KETTLE_ID = "urn:example:kettle";

/** Exposes the kettle: 20 °C cold, to be heated to 60 °C. */
export async function exposeKettle(wot: typeof WoT): Promise<WoT.ExposedThing> {
    const placeholders = { ID: KETTLE_ID, PLACE: "kitchen", HOTTEST: 100 };
    const thing = await wot.produce(await thingModelToDescription(KETTLE_MODEL, { placeholders }));
    let temperature = 20;
    let target = 60;
    let label = "kitchen";
    let litres = 1;

    thing.setPropertyReadHandler("temperature", async (options) => {
        const { unit } = (options?.uriVariables ?? {}) as { unit?: string };
        return unit === "fahrenheit" ? (temperature * 9) / 5 + 32 : temperature;
    });

    thing.setPropertyReadHandler("target", async () => target);
    thing.setPropertyWriteHandler("target", async (input) => {
        target = Number(await input.value()); // the binding has checked it by its schema: 40 to 100
        thing.emitPropertyChange("target");
    });

    thing.setPropertyReadHandler("label", async () => label);
    thing.setPropertyWriteHandler("label", async (input) => {
        const value = await input.value();
        if (typeof value === "string") label = value;
    });

    thing.setActionHandler("heat", async (_input, options) => {
        // SseScServer puts this into the options; other bindings do not
        const caller = options?.data as ActionData | undefined;
        while (temperature < target) {
            await delay(20, undefined, { signal: caller?.signal }); // rejects when somebody cancels the action
            temperature += 10;
            thing.emitPropertyChange("temperature");
            caller?.progress(temperature);
        }
        if (temperature >= 100) thing.emitEvent("boiling", temperature);
        return temperature;
    });

    thing.setActionHandler("cool", async () => {
        temperature = 20;
        return undefined;
    });

    thing.setActionHandler("pour", async (input) => {
        litres -= Number(await input.value()) / 1000;
        // An error with a status of 4xx is meant for the caller; of any other the caller sees no text
        if (litres < 0) throw Object.assign(new Error("The kettle is empty"), { status: 409 });
        return undefined;
    });

    await thing.expose();
    return thing;
}
