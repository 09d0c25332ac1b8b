/** A whole broker on the simulator with the topic T and the group G that pops it. */
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import type { BrokerSettingsInput } from "../../core/broker/options.ts";
import type { TypedReply } from "../../core/remoting/processor.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { formatExtraInfo } from "../../wire/pop_info.ts";
import { propertyOf } from "../../wire/properties.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { BrokerHarness } from "./management_harness.ts";

type PopHeader = RequestHeaderOf<"POP_MESSAGE">;

export const textOf = (message: StoredMessage): string => new TextDecoder().decode(message.body);

export interface Popped {
  readonly code: number;
  readonly texts: string[];
  readonly messages: StoredMessage[];
  readonly header: NonNullable<TypedReply<"POP_MESSAGE">["header"]>;
  /** What an acknowledgement of the n-th message brings back. */
  readonly acks: { topic: string; queueId: number; offset: number; extraInfo: string }[];
}

export class Pop {
  readonly harness: BrokerHarness;

  constructor(harness: BrokerHarness) {
    this.harness = harness;
  }

  static async open(queues = 1, settings: BrokerSettingsInput = {}, runtime?: SimRuntime): Promise<Pop> {
    const harness = await BrokerHarness.start({
      settings: { popFromRetryProbability: 0, ...settings },
      ...(runtime === undefined ? {} : { runtime }),
    });
    const pop = new Pop(harness);
    if (harness.broker.topics.find("T") === undefined) pop.#topic(queues);
    return pop;
  }

  #topic(queues: number): void {
    this.harness.broker.topics.ensure("T", queues, 6, 0);
  }

  get clock() {
    return this.harness.runtime.clock;
  }

  async fill(count: number, tag = "a", queues = 1): Promise<void> {
    for (let n = 0; n < count; n++) await this.harness.send("T", n % queues, `m${n}`, tag);
  }

  header(more: Partial<PopHeader> = {}): PopHeader {
    return {
      topic: "T",
      consumerGroup: "G",
      queueId: -1,
      maxMsgNums: 32,
      invisibleTime: 60_000,
      pollTime: 0,
      bornTime: this.clock.now(),
      initMode: 0,
      order: false,
      ...more,
    };
  }

  async pop(more: Partial<PopHeader> = {}): Promise<Popped> {
    return this.popped(await this.harness.call("POP_MESSAGE", this.header(more)));
  }

  popped(reply: TypedReply<"POP_MESSAGE">): Popped {
    const messages = decodeRecords(reply.body ?? new Uint8Array(0));
    const header = reply.header as Popped["header"];
    const starts = new Map(
      (header.startOffsetInfo ?? "").split(";").map((part) => {
        const [flag = "", queueId = "", offset = ""] = part.split(" ");
        return [`${flag} ${queueId}`, Number(offset)];
      }),
    );
    const acks = messages.map((message) => {
      const ck = propertyOf(message.properties, "POP_CK");
      const flag = message.topic === "T" ? "0" : "1";
      const extraInfo =
        ck ??
        formatExtraInfo({
          ckQueueOffset: starts.get(`${flag} ${message.queueId}`) ?? -1,
          popTime: header.popTime,
          invisibleTime: header.invisibleTime,
          reviveQid: header.reviveQid,
          flag,
          brokerName: "broker-a",
          queueId: message.queueId,
          msgQueueOffset: message.queueOffset,
        });
      const topic = ck === undefined ? message.topic : "%RETRY%G_T";
      return { topic, queueId: message.queueId, offset: message.queueOffset, extraInfo };
    });
    return { code: reply.code ?? 0, texts: messages.map(textOf), messages, header, acks };
  }

  ack(ack: Popped["acks"][number] | undefined): Promise<TypedReply<"ACK_MESSAGE">> {
    return this.harness.call("ACK_MESSAGE", { consumerGroup: "G", ...(ack as Popped["acks"][number]) });
  }

  close(): Promise<void> {
    return this.harness.broker.stop();
  }
}
