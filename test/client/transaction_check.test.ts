/** What a producer answers when a broker asks what became of a half message. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import {
  ClientInstance,
  type ClientOptions,
  type LocalTransactionState,
  type MessageExt,
  Producer,
  TransactionProducer,
} from "../../core/client/mod.ts";
import type { Socket } from "../../core/runtime.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { checkTransactionStateRequestHeader, endTransactionRequestHeader } from "../../wire/headers/transaction.ts";
import { recordSizeBound, writeRecord } from "../../wire/message.ts";
import { formatProperties } from "../../wire/properties.ts";
import { FLAG_ONEWAY, LANGUAGE_OTHER, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { encodeCommand } from "../../wire/serialize.ts";
import { LogBook } from "../remoting/harness.ts";
import { fakeServer, frameOf } from "./fake_server.ts";
import { deferred } from "./harness.ts";

const COMMIT = 8;
const ROLLBACK = 12;
const UNKNOWN = 0;

/** The half message `text` to `topic`, as it would lie there. */
function halfMessage(text: string, topic: string, group: string): Uint8Array {
  const input = {
    topic,
    queueId: 1,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_000,
    bornHost: "127.0.0.1",
    bornPort: 1,
    storeHost: "127.0.0.1",
    storePort: 2,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: encodeUtf8(text),
    properties: formatProperties([
      ["TRAN_MSG", "true"],
      ["PGROUP", group],
      ["UNIQ_KEY", `key of ${text}`],
    ]),
  };
  const target = new Uint8Array(recordSizeBound(input));
  const size = writeRecord(target, 0, input, { queueOffset: 0, physicalOffset: 4_711, storeTimestamp: 2_000, bodyCrc: 0 });
  return target.subarray(0, size);
}

/** A broker that knows a client from its heartbeat, and may ask it. */
async function asking(options: Partial<ClientOptions> = {}) {
  const sim = simRuntime();
  let peer: Socket | undefined;
  const ends: ReturnType<typeof endTransactionRequestHeader.decode>[] = [];
  const { address } = await fakeServer(sim, {
    onOther: (socket, request) => {
      if (request.code === REQUESTS.HEART_BEAT.code) peer = socket;
      if (request.code === REQUESTS.END_TRANSACTION.code) ends.push(endTransactionRequestHeader.decode(request.extFields ?? {}));
      else socket.write(frameOf(request, {}));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address, ...options });
  const ask = (text: string, { topic = "T", group = "pg" } = {}) => {
    const extFields = checkTransactionStateRequestHeader.encode({
      topic: "RMQ_SYS_TRANS_HALF_TOPIC",
      tranStateTableOffset: 7,
      commitLogOffset: 4_711,
      msgId: `key of ${text}`,
      transactionId: `key of ${text}`,
      bname: "b",
    });
    const writer = new ByteWriter(1_024);
    const { code } = REQUESTS.CHECK_TRANSACTION_STATE;
    const common = {
      version: 513,
      opaque: 1,
      remark: undefined,
      language: LANGUAGE_OTHER,
      serializeType: SERIALIZE_JSON,
    } as const;
    encodeCommand({ ...common, code, flag: FLAG_ONEWAY, extFields, body: halfMessage(text, topic, group) }, writer);
    peer?.write(writer.written().slice());
  };
  /** Known by its first heartbeat, which leaves with the first route. */
  const known = () => sim.clock.resolve(client.route("T"));
  const settled = () => sim.clock.advance(1);
  const close = () => sim.clock.resolve(client.close());
  return { client, ends, ask, known, settled, close };
}

type Checker = (message: MessageExt) => LocalTransactionState | Promise<LocalTransactionState>;
const producerOf = (client: ClientInstance, checkLocalTransaction: Checker) =>
  new TransactionProducer(client, { producerGroup: "pg", checkLocalTransaction });

test("an answer to a check that can't be signed is a line in the log, and the next check is answered", async () => {
  let keys = true;
  const log = new LogBook();
  const credentials = () => {
    if (keys) return { accessKey: "key", secretKey: "secret" };
    throw new Error("no keys any more");
  };
  const { client, ends, ask, known, settled, close } = await asking({ credentials, log });
  producerOf(client, () => "COMMIT_MESSAGE");
  await known();
  keys = false;
  ask("x");
  await settled();
  expect([ends, log.lines]).toEqual([[], ["WARN the end of a transaction was not sent; the broker asks again"]]);
  keys = true;
  ask("x");
  await settled();
  expect(ends.length).toBe(1);
  await close();
});

describe("a check of a transaction", () => {
  const states: Record<string, [Checker, number]> = {
    "to be committed": [() => "COMMIT_MESSAGE", COMMIT],
    "to be rolled back, as is known later": [() => Promise.resolve("ROLLBACK_MESSAGE"), ROLLBACK],
    "not known yet": [() => "UNKNOW", UNKNOWN],
    "whose checker throws": [
      () => {
        throw new Error("the database is gone");
      },
      UNKNOWN,
    ],
    "whose checker answers what is no state": [() => undefined as never, UNKNOWN],
  };
  for (const [name, [checker, commitOrRollback]] of Object.entries(states)) {
    test(name, async () => {
      const { client, ends, ask, known, settled, close } = await asking();
      producerOf(client, checker);
      await known();
      ask("x");
      await settled();
      expect(ends).toEqual([
        expect.objectContaining({
          topic: "T",
          producerGroup: "pg",
          tranStateTableOffset: 7,
          commitLogOffset: 4_711,
          commitOrRollback,
          fromTransactionCheck: true,
          msgId: "key of x",
          transactionId: "key of x",
          bname: "b",
        }),
      ]);
      await close();
    });
  }

  test("is the group's, and of no producer that was closed", async () => {
    const { client, ends, ask, known, settled, close } = await asking();
    const checked: string[] = [];
    const producer = producerOf(client, (message) => {
      checked.push(message.text());
      return "COMMIT_MESSAGE";
    });
    new Producer(client, { producerGroup: "pg" });
    await known();
    ask("another group's", { group: "pg2" });
    ask("its own");
    await settled();
    expect([checked, ends.length]).toEqual([["its own"], 1]);
    await producer.close();
    ask("too late");
    await settled();
    expect([checked, ends.length]).toEqual([["its own"], 1]);
    await close();
  });

  test("names the topic as the program knows it, and answers as the broker does", async () => {
    const { client, ends, ask, known, settled, close } = await asking({ namespace: "ns" });
    const topics: string[] = [];
    producerOf(client, ({ topic }) => {
      topics.push(topic);
      return "COMMIT_MESSAGE";
    });
    await known();
    ask("x", { topic: "ns%T", group: "ns%pg" });
    await settled();
    expect([topics, ends.map(({ topic, producerGroup }) => [topic, producerGroup])]).toEqual([["T"], [["ns%T", "ns%pg"]]]);
    await close();
  });

  test("beyond 2,000 that are under way is left to the broker, which asks again", async () => {
    const { client, ends, ask, known, settled, close } = await asking();
    const later = deferred<LocalTransactionState>();
    let checks = 0;
    producerOf(client, () => {
      checks++;
      return later.promise;
    });
    await known();
    for (let i = 0; i < 2_001; i++) ask(`${i}`);
    await settled();
    expect([checks, ends.length]).toEqual([2_000, 0]);
    later.resolve("COMMIT_MESSAGE");
    await settled();
    expect(ends.length).toBe(2_000);
    ask("2000");
    await settled();
    expect([checks, ends.at(-1)?.msgId]).toEqual([2_001, "key of 2000"]);
    await close();
  });
});
