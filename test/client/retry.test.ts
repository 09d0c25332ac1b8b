/** Two brokers, of which one refuses, dies or does not store as it should: a send goes to the other one, if it may. */
import { describe, expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { ClientInstance, type Message, Producer, type ProducerOptions, type SendOptions } from "../../core/client/mod.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Answer, fakeServer, frameOf } from "./fake_server.ts";

const answer =
  (code: number): Answer =>
  (socket, request) =>
    socket.write(
      frameOf(request, { code, remark: "as the test says", extFields: { msgId: "id", queueId: "0", queueOffset: "5" } }),
    );

const stored = answer(ResponseCode.SUCCESS);
const dies: Answer = (socket) => socket.destroy();

/** One send, where the broker that is asked first answers with `first`, the other with `second`. */
async function sent(
  first: Answer,
  second: Answer,
  options: Partial<ProducerOptions> = {},
  send: SendOptions = {},
): Promise<{ outcome: string; asked: string[] }> {
  const sim = simRuntime();
  const asked: string[] = [];
  const brokers = new Map<string, string>();
  const named =
    (name: string): Answer =>
    (socket, request) => {
      asked.push(name);
      (asked.length % 2 === 1 ? first : second)(socket, request);
    };
  for (const name of ["broker-a", "broker-b"]) {
    brokers.set(name, (await fakeServer(sim, { onSend: named(name), brokers })).address);
  }
  const client = new ClientInstance({ runtime: sim, namesrvAddr: brokers.get("broker-a") as string });
  const producer = new Producer(client, { producerGroup: "pg", ...options });
  const message: Message = { topic: "T", body: "x" };
  let outcome = "";
  producer.send(message, { timeoutMs: 2_000, ...send }).then(
    ({ sendStatus, messageQueue }) => {
      outcome = `${sendStatus} by ${messageQueue.brokerName}`;
    },
    (fault: { kind?: string; responseCode?: number }) => {
      outcome = `${fault.kind ?? fault.responseCode}`;
    },
  );
  await sim.clock.until(() => outcome !== "", 60_000);
  await client.close();
  return { outcome, asked };
}

describe("a send whose broker", () => {
  for (const [name, first] of [
    ["refuses for now", answer(ResponseCode.SYSTEM_BUSY)],
    ["may not be written to", answer(ResponseCode.NO_PERMISSION)],
    ["dies", dies],
  ] as const) {
    test(`${name}, goes to the other`, async () => {
      const { outcome, asked } = await sent(first, stored);
      expect(asked.length).toBe(2);
      expect(asked[0]).not.toBe(asked[1]);
      expect(outcome).toBe(`SEND_OK by ${asked[1]}`);
    });
  }

  test("refuses, fails when there are no tries left, and with the last refusal when both refuse", async () => {
    const busy = answer(ResponseCode.SYSTEM_BUSY);
    const once = await sent(busy, stored, { retryTimesWhenSendFailed: 0 });
    expect([once.outcome, once.asked.length]).toEqual([`${ResponseCode.SYSTEM_BUSY}`, 1]);
    const both = await sent(busy, answer(ResponseCode.NO_PERMISSION), { retryTimesWhenSendFailed: 1 });
    expect([both.outcome, both.asked.length]).toEqual([`${ResponseCode.NO_PERMISSION}`, 2]);
  });

  test("refuses for good, or was chosen by the program, is not sent to the other", async () => {
    const illegal = await sent(answer(ResponseCode.MESSAGE_ILLEGAL), stored);
    expect([illegal.outcome, illegal.asked.length]).toEqual([`${ResponseCode.MESSAGE_ILLEGAL}`, 1]);
    const messageQueue = { topic: "T", brokerName: "broker-b", queueId: 0 };
    const chosen = await sent(answer(ResponseCode.SYSTEM_BUSY), stored, {}, { messageQueue });
    expect([chosen.outcome, chosen.asked]).toEqual([`${ResponseCode.SYSTEM_BUSY}`, ["broker-b"]]);
  });
});

describe("retryAnotherBrokerWhenNotStoreOK", () => {
  const unflushed = answer(ResponseCode.FLUSH_DISK_TIMEOUT);

  test("takes what is stored and not flushed for a failure", async () => {
    const { outcome, asked } = await sent(unflushed, stored, { retryAnotherBrokerWhenNotStoreOK: true });
    expect(asked[0]).not.toBe(asked[1]);
    expect(outcome).toBe(`SEND_OK by ${asked[1]}`);
  });

  test("gives the last answer when no broker stores as it should", async () => {
    const options = { retryAnotherBrokerWhenNotStoreOK: true, retryTimesWhenSendFailed: 1 };
    const { outcome, asked } = await sent(unflushed, answer(ResponseCode.SLAVE_NOT_AVAILABLE), options);
    expect(outcome).toBe(`SLAVE_NOT_AVAILABLE by ${asked[1]}`);
  });

  test("is off unless asked for", async () => {
    const { outcome, asked } = await sent(unflushed, stored);
    expect(outcome).toBe(`FLUSH_DISK_TIMEOUT by ${asked[0]}`);
    expect(asked.length).toBe(1);
  });
});
