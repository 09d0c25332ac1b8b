/**
 * What may be stored under a name that came from outside. Apache's nameserver checks nothing; what it would take from an
 * Apache broker is taken here too, and what no broker could have made is refused before it takes memory.
 *
 * Topics: Apache's set `%|a-zA-Z0-9_-`, and what brokers put into names of their own making: `+` (`%RETRY%group+topic` of
 * POP), and the names of cluster and broker, which are topics themselves and come from host names.
 */
const TOPIC = /^[%|a-zA-Z0-9_+-]+$/;
/** `%RETRY%` + group (120) + `+` + topic (127): 255 is Apache's own maximum for these. */
export const TOPIC_CHARS_MAX = 255;
/** `rmq_sys_SYNC_BROKER_MEMBER_` + brokerName must fit a topic. */
export const BROKER_NAME_CHARS_MAX = 200;
/** A host name has at most 253 characters; brackets, colon and port follow. */
export const ADDRESS_CHARS_MAX = 270;
/** Apache's broker prints `host:port`, and IPv6 as `[v6]:port` or `v6:port`. */
const ADDRESS = /^[^\s\p{Cc}]+:\d{1,5}$/u;
const CONTROL = /\p{Cc}/u;

/** Why `topic` can't be stored, or undefined. `owner`: the broker that registers it. */
export function topicNameFault(topic: string, owner?: { clusterName: string; brokerName: string }): string | undefined {
  if (topic.length > TOPIC_CHARS_MAX) return `"${clipped(topic)}" has ${topic.length} characters, at most ${TOPIC_CHARS_MAX} fit`;
  if (TOPIC.test(topic)) return undefined;
  if (owner !== undefined && madeOfOwner(topic, owner.clusterName, owner.brokerName)) return undefined;
  return topic.trim() === "" ? "it is blank" : `"${clipped(topic)}" has characters outside %|a-zA-Z0-9_-`;
}

/** The cluster's name, `<cluster>_REPLY_TOPIC`, the broker's name, `rmq_sys_SYNC_BROKER_MEMBER_<broker>` and their like. */
function madeOfOwner(topic: string, clusterName: string, brokerName: string): boolean {
  for (const name of [clusterName, brokerName]) {
    const at = topic.indexOf(name);
    if (at < 0) continue;
    const rest = topic.slice(0, at) + topic.slice(at + name.length);
    if (rest === "" || TOPIC.test(rest)) return true;
  }
  return false;
}

/** Why a cluster's or broker's name can't be stored, or undefined. */
export function ownerNameFault(name: string): string | undefined {
  if (name.trim() === "") return "it is blank";
  if (name.length > BROKER_NAME_CHARS_MAX) return `it has ${name.length} characters, at most ${BROKER_NAME_CHARS_MAX} fit`;
  return CONTROL.test(name) ? "it has control characters" : undefined;
}

/** Why an address that clients are to dial can't be stored, or undefined. */
export function addressFault(address: string): string | undefined {
  if (address.length > ADDRESS_CHARS_MAX) return `it has ${address.length} characters, at most ${ADDRESS_CHARS_MAX} fit`;
  return ADDRESS.test(address) ? undefined : "it is not host:port";
}

/** Most queues of a topic on one broker: a client makes an object of each queue that a route names. */
export const QUEUES_MAX = 65_536;

/** Why these numbers of queues can't be stored, or undefined. */
export function queuesFault({
  readQueueNums,
  writeQueueNums,
}: {
  readQueueNums: number;
  writeQueueNums: number;
}): string | undefined {
  const fine = Math.min(readQueueNums, writeQueueNums) >= 0 && Math.max(readQueueNums, writeQueueNums) <= QUEUES_MAX;
  return fine ? undefined : `${readQueueNums} read and ${writeQueueNums} write queues are outside 0..${QUEUES_MAX}`;
}

/** For messages: at most `charsMax` characters of what came from outside. */
export const clipped = (text: string, charsMax = 60): string => (text.length > charsMax ? `${text.slice(0, charsMax)}…` : text);
