/** The agent: a thermometer without a port of its own, which the hub makes usable. `tsx examples/hub/agent.ts [certificate]` */
import { Servient } from "@node-wot/core";
import { SseScAgent, type ActionData } from "node-wot-binding-hiveot";
import { AGENT, CERTIFICATE, HUB, onInterrupt, THERMOMETER } from "./settings";

async function main(): Promise<void> {
    const agent = new SseScAgent({ hub: HUB, credentials: AGENT, caCert: CERTIFICATE });
    const servient = new Servient();
    servient.addServer(agent);
    const wot = await servient.start();
    const thermometer = await wot.produce({
        id: THERMOMETER,
        title: "Thermometer",
        properties: {
            temperature: { type: "number", readOnly: true },
            limit: { type: "number", observable: true },
        },
        actions: { calibrate: { input: { type: "integer" }, output: { type: "string" } } },
        events: { tooHot: { data: { type: "number" } } },
    });
    let [temperature, limit] = [20, 30];
    thermometer.setPropertyReadHandler("temperature", () => Promise.resolve(temperature));
    thermometer.setPropertyReadHandler("limit", () => Promise.resolve(limit));
    thermometer.setPropertyWriteHandler("limit", async (value) => {
        limit = Number(await value.value());
        thermometer.emitPropertyChange("limit");
        if (temperature > limit) thermometer.emitEvent("tooHot", temperature);
    });
    thermometer.setActionHandler("calibrate", async (input, options) => {
        const { progress } = options?.data as ActionData;
        const steps = Number(await input.value());
        for (let step = 1; step <= steps; step++) progress(step / steps);
        temperature += 1;
        return "calibrated";
    });
    agent.on("registered", () => {
        console.log("agent     the hub has its thermometer");
        process.send?.("registered");
    });
    await thermometer.expose();
    onInterrupt(() => servient.shutdown());
}

void main();
