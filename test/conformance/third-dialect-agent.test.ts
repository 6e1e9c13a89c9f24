/** An agent in a dialect of somebody else's making, at a hub that speaks it too, used by consumers of that dialect and of HiveOT's. */
import { expect } from "chai";
import { connect, SseScAgent, type Connection } from "../../src/index";
import { onEnd } from "../hub/harness";
import { passwordOf, SetUp, usernameOf } from "../support/set-ups";
import { COUNTER_ID, PROGRESS, TestThing } from "../support/things";
import { Servient } from "@node-wot/core";
import { lists } from "./lists-dialect";
import { req } from "./requirements";

const PATH = "/lists";
const DIALECTS = { [PATH]: lists };

describe("an agent in a dialect of one's own", () => {
    async function start(): Promise<{ hub: SetUp; counter: TestThing }> {
        const hub = await SetUp.start({ secure: false, server: { hub: true, dialects: DIALECTS }, things: [] });
        onEnd(() => hub.stop());
        const servient = new Servient();
        const credentials = { username: usernameOf("device"), password: passwordOf("device") };
        const url = `${hub.scheme}://${hub.authority}${PATH}`;
        const agent = new SseScAgent({ hub: url, credentials, dialects: DIALECTS, directory: "thingDirectory" });
        servient.addServer(agent);
        onEnd(() => servient.shutdown());
        const counter = await TestThing.produce(await servient.start());
        const registered = new Promise((resolve) => agent.once("registered", resolve));
        await counter.thing.expose();
        await registered;
        return { hub, counter };
    }

    async function consumer(hub: SetUp, path: string): Promise<Connection> {
        const token = await hub.token("manager");
        const connection = await connect(hub.origin + path, { token }, path === PATH ? { dialects: DIALECTS } : {});
        onEnd(() => connection.close());
        return connection;
    }

    for (const path of [PATH, "/hiveot/ssesc", "/hiveot/sse"]) {
        req("DIALECT-third", `serves a consumer at ${path}`, async () => {
            const { hub, counter } = await start();
            const user = await consumer(hub, path);
            await user.writeProperty(COUNTER_ID, "count", 4);
            expect(counter.count).to.equal(4);
            expect(await user.readProperty(COUNTER_ID, "count")).to.equal(4);
            const heard: unknown[] = [];
            await user.subscribeEvent(COUNTER_ID, "tick", { onNotification: ({ value }) => heard.push(value) });
            counter.tick("now");
            const progress: unknown[] = [];
            const options = { onProgress: (value: unknown): unknown => progress.push(value) };
            expect(await user.invokeAction(COUNTER_ID, "slow", 7, options)).to.equal(7);
            expect(heard).to.deep.equal(["now"]);
            expect(progress).to.deep.equal(PROGRESS);
            const started = await user.startAction(COUNTER_ID, "increment", 2);
            expect(await started.result).to.equal(6);
            expect(await started.query()).to.include({ status: "completed", output: 6 });
            const failure = await user.readProperty(COUNTER_ID, "nothing").catch((error: unknown) => error);
            expect(failure).to.have.property("status", 404);
        });
    }
});
