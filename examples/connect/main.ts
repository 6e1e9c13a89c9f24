/** `connect()`: the client API without node-wot. Several callers share a connection; it outlives a restart of the server. */
import { Servient } from "@node-wot/core";
import { connect, createDevelopmentCertificate, SseScServer, type Connection } from "node-wot-binding-hiveot";
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import { exposeKettle, KETTLE_ID } from "../thing/kettle";

const ACCOUNT = { username: "alice", password: "a good password" };

async function main(): Promise<void> {
    const { key, cert } = await createDevelopmentCertificate();
    const server = await startServer(key, cert, 0);
    const url = `sse://127.0.0.1:${server.port}`;

    await assert.rejects(connect(url, { ...ACCOUNT, password: "a wrong one" }, { caCert: cert }), {
        code: "INVALID_CREDENTIALS",
    });
    const connection = await connect(url, ACCOUNT, { caCert: cert, reconnect: { max: 200 } });

    await readAndWrite(connection);
    await invoke(connection);
    await shareAmongCallers(connection);
    await outliveARestart(connection, server, () => startServer(key, cert, server.port));

    await connection.close(); // nothing keeps the process alive
    assert.equal(connection.state, "closed");
    console.log("all as expected");
}

interface Running {
    readonly port: number;
    stop(): Promise<void>;
}

async function startServer(serverKey: string, serverCert: string, port: number): Promise<Running> {
    const accounts = [{ ...ACCOUNT, role: "manager" }];
    const server = new SseScServer({ port, address: "127.0.0.1", serverKey, serverCert, accounts });
    const servient = new Servient();
    servient.addServer(server);
    await exposeKettle(await servient.start());
    return { port: server.getPort(), stop: () => servient.shutdown() };
}

async function readAndWrite(connection: Connection): Promise<void> {
    assert.equal(await connection.readProperty(KETTLE_ID, "temperature"), 20);
    const uriVariables = { unit: "fahrenheit" };
    assert.equal(await connection.readProperty(KETTLE_ID, "temperature", { uriVariables }), 68);
    await connection.writeMultipleProperties(KETTLE_ID, { target: 40, label: "garden" });
    const { target, label } = await connection.readAllProperties(KETTLE_ID);
    assert.deepEqual([target, label], [40, "garden"]);
    console.log("properties: read, with a uriVariable, written, all at once");
}

async function invoke(connection: Connection): Promise<void> {
    const progress: unknown[] = [];
    const output = await connection.invokeAction(KETTLE_ID, "heat", undefined, {
        onProgress: (value) => void progress.push(value),
    });
    assert.deepEqual([output, progress], [40, [30, 40]]);

    // With its id an action can be asked for, and cancelled, while it runs
    await connection.writeProperty(KETTLE_ID, "target", 100);
    const heating = await connection.startAction(KETTLE_ID, "heat");
    const { status } = await heating.query();
    assert.equal(status, "running");
    await heating.cancel();
    await assert.rejects(heating.result, { code: "CANCELLED" });
    const { error } = await connection.queryAction(KETTLE_ID, "heat", heating.actionId);
    assert.equal(error?.code, "CANCELLED");

    // A deadline that progress does not put off
    const signal = AbortSignal.timeout(30);
    await assert.rejects(connection.invokeAction(KETTLE_ID, "heat", undefined, { signal }), { code: "ABORTED" });
    console.log("actions: progress, status by id, cancelled, given up at a deadline");
}

async function shareAmongCallers(connection: Connection): Promise<void> {
    const units = ["celsius", "fahrenheit"];
    const callers = Array.from({ length: 100 }, (_, caller) => {
        const uriVariables = { unit: units[caller % 2] };
        return connection.readProperty(KETTLE_ID, "temperature", { uriVariables });
    });
    const [celsius, fahrenheit, ...others] = await Promise.all(callers);
    assert.notEqual(celsius, fahrenheit);
    others.forEach((value, index) => assert.equal(value, index % 2 === 0 ? celsius : fahrenheit));
    console.log("callers: 100 at once, each with its own answer");
}

async function outliveARestart(
    connection: Connection,
    server: Running,
    restart: () => Promise<Running>
): Promise<void> {
    const heard = new EventEmitter();
    await connection.observeProperty(KETTLE_ID, "target", {
        onNotification: ({ value }) => void heard.emit(String(value)),
    });
    const broken = new Promise((resolve) => connection.once("disconnected", resolve));
    const back = new Promise<void>((resolve) => connection.once("connected", () => resolve()));
    await server.stop();
    await broken;
    assert.equal(connection.state, "reconnecting");
    const waiting = connection.readProperty(KETTLE_ID, "target"); // waits until the server is back
    const again = await restart();
    await back;
    assert.equal(connection.state, "connected");
    assert.equal(await waiting, 60); // the new kettle's

    const change = once(heard, "70"); // the value at the restart comes by itself: what was missed is read again
    await connection.writeProperty(KETTLE_ID, "target", 70);
    await change;
    await connection.close();
    await again.stop();
    console.log("restart: connected again, request answered, subscription restored");
}

void main();
