/** The process that `kill.test.ts` kills: appends messages and tells each number whose message is acknowledged. */
import process from "node:process";
import { hostRuntime } from "../support/host_runtime.ts";
import { message, openStore, SMALL } from "./support.ts";

const [directory = "", flushDiskType, first] = process.argv.slice(2);
const flushed = flushDiskType === "SYNC_FLUSH";
const store = await openStore(await hostRuntime(), directory, {
  ...SMALL,
  mappedFileSizeCommitLog: 64 * 1024,
  mappedFileSizeConsumeQueue: 2000,
  maxHashSlotNum: 500,
  maxIndexNum: 400,
  flushDiskType: flushed ? "SYNC_FLUSH" : "ASYNC_FLUSH",
  flushConsumeQueueThoroughInterval: 30,
});
let next = Number(first);
for (;;) {
  let endOffset = 0;
  for (let i = 0; i < 16; i++, next++) {
    const text = `${next} ${"x".repeat((next * 31) % 400)}`;
    const result = store.append(message({ text, queueId: next % 4, uniqKey: `u${next}` }));
    if (result.status !== "PUT_OK") throw new Error(`${result.status} ${result.reason}`);
    endOffset = result.endOffset;
  }
  await store.durable(endOffset, flushed);
  process.stdout.write(`${next}\n`);
}
