/** The consumer: finds the thermometer at the hub and uses it, wherever it really is. `tsx examples/hub/consumer.ts [certificate]` */
import { Servient } from "@node-wot/core";
import { fetchThingDescription, SseScClientFactory } from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import { CERTIFICATE, CONSUMER, HUB, THERMOMETER } from "./settings";

async function main(): Promise<void> {
    const url = `${HUB}/things/${encodeURIComponent(THERMOMETER)}`;
    const td = await fetchThingDescription(url, CONSUMER, { caCert: CERTIFICATE });
    const factory = new SseScClientFactory({ caCert: CERTIFICATE });
    const servient = new Servient();
    servient.addClientFactory(factory);
    servient.addCredentials({ [THERMOMETER]: CONSUMER });
    const wot = await servient.start();
    const thermometer = await wot.consume(td);

    const before = Number(await (await thermometer.readProperty("temperature")).value());
    console.log(`consumer  it is ${before} degrees`);

    const heard = new EventEmitter();
    const tell = (name: string) => (data: WoT.InteractionOutput) => {
        void data.value().then((value) => heard.emit(name, value));
    };
    await thermometer.subscribeEvent("tooHot", tell("tooHot"));
    await thermometer.observeProperty("limit", tell("limit"));
    const notified = Promise.all([once(heard, "limit"), once(heard, "tooHot")]);
    await thermometer.writeProperty("limit", 10);
    assert.deepEqual(await notified, [[10], [before]]);
    console.log("consumer  was told that this is above its limit of 10 degrees");
    await thermometer.writeProperty("limit", 30);

    // What node-wot's API lacks: progress, status, and the like
    const peer = factory.peerFor(thermometer);
    const progress: unknown[] = [];
    const onProgress = (value: unknown): void => void progress.push(value);
    assert.equal(await peer.invokeAction(THERMOMETER, "calibrate", 4, { onProgress }), "calibrated");
    assert.deepEqual(progress, [0.25, 0.5, 0.75, 1]);
    const after = Number(await (await thermometer.readProperty("temperature")).value());
    assert.equal(after, before + 1);
    console.log(`consumer  has calibrated it: it is ${after} degrees`);

    await servient.shutdown();
}

void main();
