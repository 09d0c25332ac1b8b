/** Who is connected: GET_CONSUMER_CONNECTION_LIST, GET_PRODUCER_CONNECTION_LIST, GET_ALL_PRODUCER_INFO. */
import {
  type Connection,
  consumerConnection,
  type ProducerInfo,
  producerConnection,
  producerTableInfo,
} from "../../../wire/bodies/connection.ts";
import type { ConsumeFromWhere, ConsumeType, MessageModel } from "../../../wire/bodies/heartbeat.ts";
import { LANGUAGES } from "../../../wire/remoting_command.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { endpointText } from "../../remoting/connection.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { ClientChannel } from "../parts.ts";
import type { AdminParts } from "./admin_parts.ts";

export function connectionProcessors(
  parts: AdminParts,
): Pick<ProcessorMap<"broker">, "GET_CONSUMER_CONNECTION_LIST" | "GET_PRODUCER_CONNECTION_LIST" | "GET_ALL_PRODUCER_INFO"> {
  const { consumers, producers } = parts;
  const { clock } = parts.runtime;
  return {
    GET_CONSUMER_CONNECTION_LIST(_context, { header }) {
      const group = consumers.group(header.consumerGroup);
      if (group === undefined) {
        throw new RemotingError(ResponseCode.CONSUMER_NOT_ONLINE, `the consumer group[${header.consumerGroup}] not online`);
      }
      const body = consumerConnection.encode({
        connectionSet: [...group.channels.values()].map(connectionOf),
        subscriptionTable: new Map(group.subscriptions),
        // What a heartbeat brought; its body's table let nothing else in.
        consumeType: group.consumeType as ConsumeType,
        messageModel: group.messageModel as MessageModel,
        consumeFromWhere: group.consumeFromWhere as ConsumeFromWhere,
      });
      return { body };
    },

    GET_PRODUCER_CONNECTION_LIST(_context, { header }) {
      const channels = producers.channels(header.producerGroup);
      if (channels.length === 0) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, `the producer group[${header.producerGroup}] not exist`);
      }
      return { body: producerConnection.encode({ connectionSet: channels.map(connectionOf) }) };
    },

    GET_ALL_PRODUCER_INFO() {
      const wallMinusMonotonic = clock.now() - clock.monotonic();
      const data = new Map<string, ProducerInfo[]>();
      for (const group of producers.groups()) {
        data.set(
          group,
          producers.channels(group).map((channel) => ({
            clientId: channel.clientId,
            // As Java prints a socket's address.
            remoteIP: `/${endpointText(channel.peer.remote)}`,
            language: LANGUAGES[channel.language] ?? "OTHER",
            version: channel.version,
            lastUpdateTimestamp: Math.round(wallMinusMonotonic + channel.lastSeenAt),
          })),
        );
      }
      return { body: producerTableInfo.encode({ data }) };
    },
  };
}

const connectionOf = (channel: ClientChannel): Connection => ({
  clientId: channel.clientId,
  clientAddr: endpointText(channel.peer.remote),
  language: LANGUAGES[channel.language] ?? "OTHER",
  version: channel.version,
});
