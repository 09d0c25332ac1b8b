/** HTTP requests by `fetch`, which Bun, Deno and Node all have. Small answers only: they are read whole, up to a bound. */
import type { HttpClient } from "../../core/runtime.ts";
import { Fault } from "./fault.ts";

export const hostHttpClient: HttpClient = {
  async request({ method, url, headers, body, timeoutMs, bytesMax }) {
    const tried = `${method} ${url}`;
    try {
      const response = await fetch(url, {
        method,
        redirect: "error",
        signal: AbortSignal.timeout(timeoutMs),
        ...(headers && { headers }),
        ...(body && { body: body as Uint8Array<ArrayBuffer> }),
      });
      return { status: response.status, body: await bounded(response, bytesMax, tried) };
    } catch (error) {
      if (error instanceof Fault) throw error;
      const timedOut = error instanceof Error && error.name === "TimeoutError";
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message || error.cause.name : undefined;
      const reason = timedOut
        ? `no answer within ${timeoutMs} ms`
        : (cause ?? (error instanceof Error ? error.message : String(error)));
      throw new Fault(timedOut ? "ETIMEDOUT" : "ECONNREFUSED", `Cannot ${tried}: ${reason}`, error);
    }
  },
};

async function bounded(response: Response, bytesMax: number, tried: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) break;
    length += part.value.length;
    if (length > bytesMax) {
      await reader?.cancel();
      throw new Fault("EMSGSIZE", `Cannot ${tried}: the answer has more than ${bytesMax} bytes`);
    }
    parts.push(part.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
