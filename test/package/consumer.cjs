const { Servient } = require("@node-wot/core");
const { SseScServer, SseScClientFactory, SseScPlainClientFactory } = require("node-wot-binding-hiveot");
const { SseScError } = require("node-wot-binding-hiveot/protocol");

void require("./scenario.cjs")({ Servient, SseScServer, SseScClientFactory, SseScPlainClientFactory, SseScError });
