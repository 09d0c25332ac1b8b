/** The public door, used by a program that is not ours. In one's own process it is `test/broker/management_broker.test.ts`. */
import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { runtimeCommand } from "../interop/targets.ts";
import { ended, READY_MS, Workshop } from "./server_processes.ts";

setDefaultTimeout(2 * READY_MS);

let shop: Workshop;
beforeEach(() => {
  shop = new Workshop();
});
afterEach(() => shop.close());

test("a Deno program embeds nameserver and broker, with files and in memory, and ends by itself", async () => {
  const program = shop.run(runtimeCommand("deno", "test/cli/embedding_program.ts", [shop.directory]));
  const { code, output } = await ended(program);
  expect(output).toContain(JSON.stringify({ toldByConnection: true, sent: 0, queueOffset: 0 }));
  expect(code).toBe(0);
  expect(existsSync(shop.path("store/commitlog/00000000000000000000"))).toBe(true);
  expect(existsSync(shop.path("store/abort"))).toBe(false);
});
