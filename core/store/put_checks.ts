/** What may not enter the log, whatever the disk says. */
import { utf8Length } from "../../wire/bytes.ts";
import { CRC_PROPERTY_BYTES, PROPERTIES_BYTES_MAX } from "../../wire/message.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import type { MessageInput, PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";

/** A topic's name in the record; only retry topics may be longer than maxTopicLength. */
const TOPIC_BYTES_MAX = 255;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/** Why the message is refused; undefined when it is not. @param bodyBytes of the message, or of its whole batch */
export function illegalPut(
  { topic, properties, commonProperties }: MessageInput,
  bodyBytes: number,
  settings: StoreSettings,
): PutRefusal | undefined {
  const { maxTopicLength, maxMessageSize, enabledAppendPropCRC } = settings;
  if (!isDirectoryName(topic)) return illegal(`the topic "${topic.slice(0, 40)}" can't name a directory`);
  // A character has three bytes at most: short texts need no counting.
  if (topic.length * 3 > maxTopicLength) {
    const topicBytes = utf8Length(topic);
    const limit = topic.startsWith(RETRY_PREFIX) ? TOPIC_BYTES_MAX : maxTopicLength;
    if (topicBytes > limit) return illegal(`the topic has ${topicBytes} bytes and may have ${limit} (maxTopicLength)`);
  }
  if (bodyBytes > maxMessageSize) return illegal(`the body has ${bodyBytes} bytes; maxMessageSize is ${maxMessageSize}`);
  const commonBytes = commonProperties?.length ?? 0;
  const propertiesMax = PROPERTIES_BYTES_MAX - (enabledAppendPropCRC ? CRC_PROPERTY_BYTES : 0);
  if (properties.length * 3 + commonBytes > propertiesMax) {
    const propertiesBytes = utf8Length(properties) + commonBytes;
    if (propertiesBytes > propertiesMax) {
      const reason = `the properties have ${propertiesBytes} bytes and may have ${propertiesMax}`;
      return { status: "PROPERTIES_SIZE_EXCEEDED", reason };
    }
  }
  return undefined;
}

/**
 * A topic's consume queues are in a directory of its name. The broker allows far fewer names; this is the last barrier. A
 * loop, as it runs for every message.
 */
export function isDirectoryName(topic: string): boolean {
  for (let i = 0; i < topic.length; i++) {
    const char = topic.charCodeAt(i);
    if (char === SLASH || char === BACKSLASH || char === 0) return false;
  }
  return topic !== "" && topic !== "." && topic !== "..";
}

function illegal(reason: string): PutRefusal {
  return { status: "MESSAGE_ILLEGAL", reason };
}
