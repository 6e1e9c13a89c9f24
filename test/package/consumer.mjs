import { Servient } from "@node-wot/core";
import { SseScServer, SseScClientFactory, SseScPlainClientFactory } from "node-wot-binding-hiveot";
import { SseScError } from "node-wot-binding-hiveot/protocol";
import scenario from "./scenario.cjs";

await scenario({ Servient, SseScServer, SseScClientFactory, SseScPlainClientFactory, SseScError });
