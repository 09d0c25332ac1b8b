/** Messages that are lost in the middle of the log, as clients, delays and administrators see it. */
import { expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { kvTable } from "../../wire/bodies/kv_table.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { decodeRecords } from "../../wire/message_reader.ts";
import { formatProperties } from "../../wire/properties.ts";
import { NO_BODY } from "../../wire/remoting_command.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness } from "./management_harness.ts";
import { pullHeader, sendHeader } from "./messages_harness.ts";

const SCHEDULE = "SCHEDULE_TOPIC_XXXX";
const TIMER = "rmq_sys_wheel_timer";

async function send(harness: BrokerHarness, body: string, properties: Record<string, string> = {}): Promise<void> {
  const header = sendHeader({ topic: "T", properties: formatProperties(Object.entries({ UNIQ_KEY: body, ...properties })) });
  const { code = 0 } = await harness.call("SEND_MESSAGE_V2", header, encodeUtf8(body));
  expect(code).toBe(ResponseCode.SUCCESS);
}

async function pulled(harness: BrokerHarness, queueOffset: number): Promise<{ code: number; next: unknown; texts: string[] }> {
  const {
    code = 0,
    header,
    body,
  } = await harness.call("PULL_MESSAGE", pullHeader({ topic: "T", consumerGroup: "G", queueOffset }));
  const texts = decodeRecords(body ?? NO_BODY).map((message) => new TextDecoder().decode(message.body));
  return { code, next: header?.nextBeginOffset, texts };
}

test("pulls, delay levels and timers step over a lost message; it is named in the log and counted", async () => {
  const runtime = simRuntime();
  const harness = await BrokerHarness.start({ runtime });
  for (let i = 0; i < 6; i++) await send(harness, `m${i}`);
  for (let i = 0; i < 3; i++) await send(harness, `level${i}`, { DELAY: "2" });
  for (let i = 0; i < 3; i++) await send(harness, `timer${i}`, { TIMER_DELAY_SEC: "4" });
  const lost = await Promise.all(
    [
      { topic: "T", queueId: 0, offset: 2 },
      { topic: SCHEDULE, queueId: 1, offset: 1 },
      { topic: TIMER, queueId: 0, offset: 1 },
    ].map(({ offset, ...queue }) => harness.broker.store.entries(queue, offset, 1)),
  );
  const killed = runtime.crash("kill");
  const log = killed.files.open("/store/commitlog/00000000000000000000");
  // A byte of each body.
  for (const [entry] of lost) log.writeSync(Uint8Array.of(0xff), entry!.physicalOffset + 88);
  log.close();

  const again = await BrokerHarness.start({ runtime: killed });
  expect(await pulled(again, 2)).toEqual({ code: ResponseCode.SUCCESS, next: 6, texts: ["m3", "m4", "m5"] });
  expect((await pulled(again, 0)).texts).toEqual(["m0", "m1", "m3", "m4", "m5"]);
  const alone = pullHeader({ topic: "T", consumerGroup: "G", queueOffset: 2, maxMsgNums: 1 });
  const { code, header } = await again.call("PULL_MESSAGE", alone);
  expect([code, header?.nextBeginOffset]).toEqual([ResponseCode.PULL_RETRY_IMMEDIATELY, 3]);
  await killed.clock.advance(10_000);
  expect((await pulled(again, 6)).texts.sort()).toEqual(["level0", "level2", "timer0", "timer2"]);

  const info = kvTable.decode((await again.call("GET_BROKER_RUNTIME_INFO", {})).body ?? NO_BODY).table;
  expect([info.get("lostStretches"), info.get("lostQueueOffsets"), info.get("unreadableRecords")]).toEqual(["3", "3", "0"]);
  const holes = again.log.of("error").filter(({ message }) => message.startsWith("messages of a queue are lost"));
  expect(holes.map(({ fields }) => [fields?.["topic"], fields?.["queueId"], fields?.["from"], fields?.["count"]])).toEqual([
    ["T", 0, 2, 1],
    [SCHEDULE, 1, 1, 1],
    [TIMER, 0, 1, 1],
  ]);
  await again.broker.stop();
});
