/** NOTIFICATION: tells whether a group may have messages, and waits for the first one; nothing is handed out. */
import type { NotificationRequestHeader, NotificationResponseHeader } from "../../../wire/headers/pop.ts";
import { PERM_READ } from "../../../wire/perm_name.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError, type RequestContext } from "../../remoting/processor.ts";
import { isTagType, tagFilterOf } from "../messages/pull_filter.ts";
import { brokerName, FAQ } from "../messages/send_checks.ts";
import type { BrokerParts } from "../parts.ts";
import { ANY_QUEUE, type PopLongPollingService } from "./polling.ts";
import type { PopMessageProcessor } from "./pop.ts";

export interface NotificationReply {
  readonly header: NotificationResponseHeader;
}

export class NotificationProcessor {
  readonly #parts: BrokerParts;
  readonly #pop: Pick<PopMessageProcessor, "hasMessages">;
  readonly #polling: PopLongPollingService<NotificationReply | undefined>;

  constructor(
    parts: BrokerParts,
    pop: Pick<PopMessageProcessor, "hasMessages">,
    polling: PopLongPollingService<NotificationReply | undefined>,
  ) {
    this.#parts = parts;
    this.#pop = pop;
    this.#polling = polling;
  }

  /** @throws RemotingError in Apache's order of checks. */
  async notify(context: RequestContext, header: NotificationRequestHeader): Promise<NotificationReply | undefined> {
    const { settings, topics, groups, runtime, addresses } = this.#parts;
    const { topic, consumerGroup } = header;
    // One that comes too late is answered, where a POP is refused.
    const bornTime = header.bornTime > 0 ? header.bornTime : runtime.clock.now();
    if ((settings.brokerPermission & PERM_READ) === 0) {
      throw new RemotingError(ResponseCode.NO_PERMISSION, `${brokerName({ addresses }, context)} peeking message is forbidden`);
    }
    const config = topics.find(topic);
    if (config === undefined) {
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist, apply first please! ${FAQ}`);
    }
    if ((config.perm & PERM_READ) === 0) {
      throw new RemotingError(ResponseCode.NO_PERMISSION, `the topic[${topic}] peeking message is forbidden`);
    }
    if (header.queueId >= config.readQueueNums) {
      throw new RemotingError(
        ResponseCode.INVALID_PARAMETER,
        `queueId[${header.queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}]`,
      );
    }
    const group = groups.findOrCreate(consumerGroup);
    if (group === undefined) {
      throw new RemotingError(
        ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
        `subscription group [${consumerGroup}] does not exist, ${FAQ}`,
      );
    }
    if (!group.consumeEnable) {
      throw new RemotingError(ResponseCode.NO_PERMISSION, `subscription group no permission, ${consumerGroup}`);
    }
    return this.#look(context, { ...header, bornTime }, false);
  }

  async #look(context: RequestContext, header: NotificationRequestHeader, late: boolean): Promise<NotificationReply | undefined> {
    const answer = (hasMsg: boolean, pollingFull = false): NotificationReply => ({ header: { hasMsg, pollingFull } });
    if (await this.#pop.hasMessages(header)) return answer(true);
    if (late || header.pollTime <= 0) return answer(false);
    const { topic, consumerGroup: group, queueId, expType, exp } = header;
    const polled = this.#polling.wait({
      topic,
      group,
      queueId: Math.max(queueId, ANY_QUEUE),
      peer: context.peer,
      filter: exp !== undefined && exp !== "" && isTagType(expType) ? tagFilterOf(exp) : undefined,
      timeoutMs: header.bornTime + header.pollTime - this.#parts.runtime.clock.now(),
      execute: (over) => this.#look(context, header, over),
    });
    if (polled === "full") return answer(false, true);
    return polled === "timeout" ? answer(false) : polled;
  }
}
