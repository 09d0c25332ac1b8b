import { describe, expect, test } from "bun:test";
import type { PeerReply } from "../../core/remoting/processor.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { formatProperties } from "../../wire/properties.ts";
import { FakePeer, Harness, type HarnessOptions, newTopic, type Outcome, sendHeader } from "./messages_harness.ts";

const TOPIC = "DefaultCluster_REPLY_TOPIC";

/** The client that asked. */
class AskingPeer extends FakePeer {
  readonly pushed: unknown[] = [];
  answer: { code: number; remark?: string } | Error = { code: 0 };

  override invoke(name?: string, header?: unknown, body?: Uint8Array): Promise<never> {
    this.pushed.push({ name, ...(header as object), text: new TextDecoder().decode(body) });
    if (this.answer instanceof Error) return Promise.reject(this.answer);
    const reply: PeerReply = { remark: undefined, extFields: undefined, body: new Uint8Array(0), version: 0, ...this.answer };
    return Promise.resolve(reply as never);
  }
}

async function opened(more: HarnessOptions = {}): Promise<{ harness: Harness; asking: AskingPeer }> {
  const harness = await Harness.open(more);
  const asking = new AskingPeer(50_009);
  harness.topics.set(TOPIC, newTopic(TOPIC));
  harness.producers.set("asks", { peer: asking, clientId: "client-1", language: 0, version: 0, lastSeenAt: 0 });
  return { harness, asking };
}

const reply = (harness: Harness, properties: Record<string, string>): Promise<Outcome | undefined> =>
  harness.call(
    "SEND_REPLY_MESSAGE_V2",
    sendHeader({ topic: TOPIC, properties: formatProperties(Object.entries(properties)) }),
    encodeUtf8("answer"),
  );

describe("SEND_REPLY_MESSAGE", () => {
  test("pushes the answer to the client that asked, and stores it as it was sent", async () => {
    const { harness, asking } = await opened();
    const outcome = await reply(harness, { REPLY_TO_CLIENT: "client-1", CORRELATION_ID: "c" });
    expect(outcome).toMatchObject({ code: 0, header: { queueOffset: 0 } });
    expect(String(outcome?.header["msgId"])).toHaveLength(32);
    expect(asking.pushed).toHaveLength(1);
    expect(asking.pushed[0]).toMatchObject({ name: "PUSH_REPLY_MESSAGE_TO_CLIENT", topic: TOPIC, text: "answer" });
    expect((asking.pushed[0] as { properties: string }).properties).toContain("PUSH_REPLY_TIME");
    const [stored] = await harness.messagesOf(TOPIC);
    expect(stored?.properties).toBe("REPLY_TO_CLIENT\u0001client-1\u0002CORRELATION_ID\u0001c\u0002");
    await harness.close();
  });

  test("stores nothing where storeReplyMessageEnable is false", async () => {
    const { harness } = await opened({ settings: { storeReplyMessageEnable: false } });
    expect(await reply(harness, { REPLY_TO_CLIENT: "client-1" })).toMatchObject({
      code: 0,
      header: { msgId: "0", queueOffset: 0 },
    });
    expect(harness.store.maxOffset({ topic: TOPIC, queueId: 0 })).toBe(0);
    await harness.close();
  });

  test.each([
    [{}, { code: 0 }, "reply message properties[REPLY_TO_CLIENT] is null"],
    [{ REPLY_TO_CLIENT: "gone" }, { code: 0 }, "push reply message fail, channel of <gone> not found."],
    [{ REPLY_TO_CLIENT: "client-1" }, { code: 1, remark: "no" }, "push reply message to client-1fail. it answered code 1, no"],
    [{ REPLY_TO_CLIENT: "client-1" }, new Error("closed"), "push reply message to client-1fail. closed"],
  ] as const)("%p, answered %p, is a failure that says why; the message is stored", async (properties, answer, remark) => {
    const { harness, asking } = await opened();
    asking.answer = answer;
    expect(await reply(harness, properties as Record<string, string>)).toMatchObject({ code: 1, remark });
    expect(harness.store.maxOffset({ topic: TOPIC, queueId: 0 })).toBe(1);
    await harness.close();
  });
});
