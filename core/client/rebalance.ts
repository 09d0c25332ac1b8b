/**
 * Which queues are this consumer's: computed every 20 s, and at once when the group or a route changed. Failing to learn
 * changes nothing: queues are kept until it is known that they are another's.
 */

import {
  type MessageRequestMode,
  type QueryAssignmentResponseBody,
  queryAssignmentRequestBody,
  queryAssignmentResponseBody,
} from "../../wire/bodies/assignment.ts";
import { getConsumerListByGroupResponseBody } from "../../wire/bodies/client.ts";
import type { MessageModel } from "../../wire/bodies/heartbeat.ts";
import type { MessageQueue } from "../../wire/bodies/message_queue.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { AllocateMessageQueueStrategy } from "./allocate.ts";
import type { ClientInstance } from "./client_instance.ts";
import { expectSuccess, readReply } from "./errors.ts";
import { compareQueues } from "./topic_route.ts";
import { Pause } from "./waiting.ts";

export interface RebalanceOptions {
  readonly client: ClientInstance;
  readonly consumerGroup: string;
  readonly messageModel: MessageModel;
  readonly strategy: AllocateMessageQueueStrategy;
  /** Asked anew at each round. */
  readonly topics: () => Iterable<string>;
  /** Takes the queues of one topic. @returns false when something is left to be done soon (a lock not had) */
  readonly assign: (topic: string, queues: readonly MessageQueue[]) => Promise<boolean>;
  /**
   * Given: a broker divides the queues (QUERY_ASSIGNMENT), and says which of them are popped from: those are handed here. Brokers
   * that can't leave it to the client.
   */
  readonly assignPop?: ((topic: string, queues: readonly MessageQueue[]) => void) | undefined;
}

const INTERVAL_MS = 20_000;
/** After a round that could not do all; doubled each time. */
const RETRY_MS = 500;

export class Rebalance {
  readonly #options: RebalanceOptions;
  readonly #pause: Pause;
  #again = false;
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(options: RebalanceOptions) {
    this.#options = options;
    this.#pause = new Pause(options.client.runtime.clock);
  }

  /** Runs the first round, then goes on by itself. */
  async start(): Promise<void> {
    const first = this.#round();
    this.#running = first.then((complete) => this.#loop(complete));
    await first;
  }

  /** A round now, or right after the one that is under way. */
  soon(): void {
    this.#again = true;
    this.#pause.wake();
  }

  /** Settles when no round is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause.wake();
    await this.#running;
  }

  async #loop(completeAtFirst: boolean): Promise<void> {
    let retryMs = completeAtFirst ? INTERVAL_MS : RETRY_MS;
    while (!this.#stopped) {
      if (!this.#again) await this.#pause.wait(retryMs);
      this.#again = false;
      if (this.#stopped) return;
      retryMs = (await this.#round()) ? INTERVAL_MS : Math.min(INTERVAL_MS, retryMs >= INTERVAL_MS ? RETRY_MS : 2 * retryMs);
    }
  }

  async #round(): Promise<boolean> {
    let complete = true;
    for (const topic of this.#options.topics()) {
      if (this.#stopped) return true;
      try {
        complete = (await this.#balance(topic)) && complete;
      } catch (fault) {
        complete = false;
        this.#options.client.log.debug("the queues of a topic stay as they are", { topic, reason: (fault as Error).message });
      }
    }
    return complete;
  }

  async #balance(topic: string): Promise<boolean> {
    const { client, consumerGroup, messageModel, strategy, assign, assignPop } = this.#options;
    const route = await client.route(topic);
    const queues = [...route.readQueues].sort(compareQueues);
    if (messageModel === "BROADCASTING") return assign(topic, queues);
    const [address] = route.masters.values();
    if (address === undefined) return false;
    const answer = assignPop === undefined ? undefined : await this.#fromBroker(topic, address);
    if (assignPop !== undefined && answer !== undefined) {
      const assignments = answer.messageQueueAssignments;
      // The broker can't say, for instance before it has our heartbeat: all stays as it is.
      if (assignments === undefined) {
        await client.beat();
        return false;
      }
      const of = (mode: MessageRequestMode) =>
        assignments.filter((each) => each.mode === mode).map(({ messageQueue }) => messageQueue);
      assignPop(topic, of("POP"));
      return assign(topic, of("PULL"));
    }
    const tried = `list the members of group "${consumerGroup}"`;
    const members = await client.call(tried, address, "GET_CONSUMER_LIST_BY_GROUP", { consumerGroup });
    const clientIds = members.read(getConsumerListByGroupResponseBody).consumerIdList.sort();
    // Until the broker has our heartbeat we are nobody, and take nothing.
    if (!clientIds.includes(client.clientId)) {
      await client.beat();
      return false;
    }
    return assign(topic, strategy.allocate(consumerGroup, client.clientId, queues, clientIds));
  }

  /** Undefined when this broker leaves it to its clients. */
  async #fromBroker(topic: string, address: string): Promise<QueryAssignmentResponseBody | undefined> {
    const { client, consumerGroup, messageModel, strategy } = this.#options;
    const tried = `have the queues of "${topic}" assigned to group "${consumerGroup}"`;
    const { clientId } = client;
    const body = queryAssignmentRequestBody.encode({ topic, consumerGroup, clientId, strategyName: strategy.name, messageModel });
    const reply = await client.invoke(tried, address, "QUERY_ASSIGNMENT", {}, { body });
    if (reply.code === ResponseCode.REQUEST_CODE_NOT_SUPPORTED) return undefined;
    const { body: assigned } = expectSuccess(tried, address, reply);
    return readReply(tried, address, () => queryAssignmentResponseBody.decode(assigned));
  }
}
