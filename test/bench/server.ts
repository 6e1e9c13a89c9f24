/** The servers that the benchmarks compare, each in a process of its own: `fork`ed with the name of one, tells its port. */
import * as http from "node:http";
import * as http2 from "node:http2";
import type { HttpRequest, HttpResponse } from "../../src/http/exchange";
import { createDevelopmentCertificate } from "../../src/index";
import { SetUp } from "../support/set-ups";
import { COUNTER_ID } from "../support/things";

/** Same shape, nothing else: a POST is answered with 201 and one write on the stream that is open. */
async function bare(secure: boolean): Promise<void> {
    const streams: HttpResponse[] = [];
    const handler = (request: HttpRequest, response: HttpResponse): void => {
        if (request.method === "GET") {
            response.writeHead(200, { "content-type": "text/event-stream" });
            response.write("event: sse-ping\ndata: \n\n");
            streams.push(response);
            return;
        }
        const chunks: Buffer[] = [];
        request.on("data", (chunk) => chunks.push(Buffer.from(chunk)));
        request.on("end", () => {
            const body = Buffer.concat(chunks).toString();
            response.writeHead(201, { "content-length": "0" });
            response.end("");
            const id = /"correlationID":"([^"]+)"/.exec(body)?.[1] ?? "";
            streams[0]?.write(`event: response\ndata: {"correlationID":"${id}","output":"pong"}\n\n`);
        });
    };
    const { key, cert } = await createDevelopmentCertificate();
    const server = secure
        ? http2.createSecureServer({ key, cert, allowHTTP1: true }, handler)
        : http.createServer(handler);
    const frame = Buffer.from(`event: notification\ndata: ${JSON.stringify({ value: "x".repeat(220) })}\n\n`);
    process.on("message", (count: number) => {
        for (const stream of streams)
            stream.write(count === 1 ? frame : Buffer.concat(Array<Buffer>(count).fill(frame)));
    });
    server.listen(0, "127.0.0.1", () => {
        const address = server.address();
        process.send?.({ port: typeof address === "object" ? address?.port : 0, cert, token: "" });
    });
}

async function ours(secure: boolean): Promise<void> {
    const setUp = await SetUp.start({ secure, things: [COUNTER_ID] });
    process.on("message", (count: number) => {
        for (let n = 0; n < count; n++) setUp.counter.tick("x".repeat(100));
    });
    process.send?.({ port: setUp.port, cert: setUp.certificate.cert, token: await setUp.token("admin") });
}

const [, , which, transport] = process.argv;
void (which === "bare" ? bare(transport !== "plain") : ours(transport !== "plain"));
