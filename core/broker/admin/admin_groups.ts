/** Consumer groups for administrators: create, change, delete, list, forbid. */
import {
  groupForbidden,
  type SubscriptionGroupConfig,
  subscriptionGroupConfig,
  subscriptionGroupList,
  subscriptionGroupWrapper,
} from "../../../wire/bodies/subscription_group.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { LMQ_PREFIX } from "../metadata/topics_validator.ts";
import { page } from "./admin_pages.ts";
import type { AdminParts } from "./admin_parts.ts";

type GroupProcessors = Pick<
  ProcessorMap<"broker">,
  | "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP"
  | "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST"
  | "GET_ALL_SUBSCRIPTIONGROUP_CONFIG"
  | "GET_SUBSCRIPTIONGROUP_CONFIG"
  | "DELETE_SUBSCRIPTIONGROUP"
  | "UPDATE_AND_GET_GROUP_FORBIDDEN"
>;

export function groupProcessors(parts: AdminParts): GroupProcessors {
  const { groups, offsets, settings, stats } = parts;
  return {
    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP(_context, { body }) {
      const { clock } = parts.runtime;
      const startedAt = clock.monotonic();
      let success = false;
      try {
        const config = subscriptionGroupConfig.decode(body);
        checkQueues(config);
        groups.update(config);
        success = true;
        return {};
      } finally {
        stats.instruments?.groupCreated(clock.monotonic() - startedAt, success);
      }
    },

    UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST(_context, { body }) {
      const { groupConfigList } = subscriptionGroupList.decode(body);
      for (const config of groupConfigList) checkQueues(config);
      groups.updateAll(groupConfigList);
      return {};
    },

    GET_ALL_SUBSCRIPTIONGROUP_CONFIG(_context, { header }) {
      const all = groups.all();
      const shown = page(all, {
        from: header.groupSeq,
        count: header.maxGroupNum,
        version: header.dataVersion,
        current: groups.dataVersion,
        settings,
      });
      const forbiddenTable = new Map([...groups.forbiddenTable()].filter(([group]) => shown.has(group)));
      const body = subscriptionGroupWrapper.encode({
        subscriptionGroupTable: shown,
        forbiddenTable,
        dataVersion: groups.dataVersion,
      });
      return { header: { totalGroupNum: all.size }, body };
    },

    GET_SUBSCRIPTIONGROUP_CONFIG(_context, { header }) {
      const config = groups.findOrCreate(header.group);
      if (config === undefined) {
        throw new RemotingError(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `No group in this broker: ${header.group}`);
      }
      return { body: subscriptionGroupConfig.encode(config) };
    },

    DELETE_SUBSCRIPTIONGROUP(_context, { header }) {
      const { groupName, cleanOffset } = header;
      const isLite = parts.lite.metadata.boundTopic(groupName) !== undefined;
      groups.delete(groupName);
      if (cleanOffset || isLite || groupName.startsWith(LMQ_PREFIX)) offsets.removeGroup(groupName);
      if (settings.autoDeleteUnusedStats) stats.groupDeleted(groupName);
      return {};
    },

    UPDATE_AND_GET_GROUP_FORBIDDEN(_context, { header }) {
      const { group, topic, readable } = header;
      if (readable !== undefined) groups.setReadable(group, topic, readable);
      return { body: groupForbidden.encode({ group, topic, readable: groups.mayRead(group, topic) }) };
    },
  };
}

/** Queues of `%RETRY%` topics; as many as a topic may have. */
const RETRY_QUEUES_MAX = 65_535;

function checkQueues({ groupName, retryQueueNums }: SubscriptionGroupConfig): void {
  if (retryQueueNums >= 0 && retryQueueNums <= RETRY_QUEUES_MAX) return;
  throw new RemotingError(
    ResponseCode.INVALID_PARAMETER,
    `group ${groupName}: retryQueueNums=${retryQueueNums}: allowed is 0 to ${RETRY_QUEUES_MAX}`,
  );
}
