/**
 * HTTP over `node:http`, which Bun, Deno and Node all have. It is loaded when somebody serves: a process without a port for
 * operators pays nothing for it.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Http, HttpReply, HttpRequest, Listener, ListenOptions } from "../../core/runtime.ts";
import { plainHost } from "./address.ts";
import { faultOf } from "./fault.ts";

/** A scraper has one or two; beyond it connections are refused. */
const CONNECTIONS_MAX = 64;
const HEADER_BYTES_MAX = 8 * 1024;
/** For the head of a request, and between two of a connection. */
const REQUEST_TIMEOUT_MS = 10_000;

export const hostHttp: Http = {
  async serve(options, handle) {
    const { createServer } = await import("node:http");
    const server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        headersTimeout: REQUEST_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: REQUEST_TIMEOUT_MS,
      },
      (request, response) => void answer(request, response, handle),
    );
    server.maxConnections = CONNECTIONS_MAX;
    server.on("clientError", (_error, socket) => socket.destroy());
    return listen(server, options);
  },
};

function listen(server: Server, { host, port }: ListenOptions): Promise<Listener> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(faultOf(error, `Cannot listen on ${host} port ${port} for HTTP`)));
    server.listen({ host, port }, () => {
      const bound = server.address() as AddressInfo;
      // Out of file handles (EMFILE) while accepting: that client waits or is refused, the listener lives on.
      server.on("error", () => {});
      resolve({
        address: { host: plainHost(bound.address), port: bound.port },
        close: () =>
          new Promise<void>((closed) => {
            server.close(() => closed());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>,
): Promise<void> {
  response.on("error", () => {});
  request.on("error", () => {});
  // No body is asked for: what comes is passed over, and the connection closes behind the answer.
  request.resume();
  const reply = await replyOf(request, handle);
  if (response.destroyed) return;
  const hasBody = request.headers["content-length"] !== undefined || request.headers["transfer-encoding"] !== undefined;
  response.writeHead(reply.status, {
    ...reply.headers,
    "content-length": String(new TextEncoder().encode(reply.body).length),
    ...(hasBody ? { connection: "close" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : reply.body);
}

async function replyOf(
  request: IncomingMessage,
  handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>,
): Promise<HttpReply> {
  const headers = new Map(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : (value ?? "")]),
  );
  const [path = "/"] = (request.url ?? "/").split("?", 1);
  try {
    return await handle({ method: request.method ?? "GET", path, headers });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: 500, headers: { "content-type": "text/plain; charset=utf-8" }, body: `${reason}\n` };
  }
}
