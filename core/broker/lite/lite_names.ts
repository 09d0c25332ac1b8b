/**
 * Names of lite topics. A lite topic is a name below a parent topic, and what is sent to it stands in the light queue
 * `%LMQ%$parent$lite` beside the parent's own queue.
 */
import { LMQ_PREFIX } from "../../../wire/mix_all.ts";

const SEPARATOR = "$";
export const LITE_PREFIX: string = LMQ_PREFIX + SEPARATOR;
/** Between light queues that one message names (INNER_MULTI_DISPATCH). */
const QUEUE_SEPARATOR = ",";

/** Parent and name of a lite topic. */
export interface LiteTopic {
  readonly parent: string;
  readonly lite: string;
}

/** The light queue of a lite topic. */
export const lmqNameOf = (parent: string, lite: string): string => LITE_PREFIX + parent + SEPARATOR + lite;

/** Which lite topic a light queue belongs to; undefined when it is none of a lite topic. */
export function liteTopicOf(lmqName: string): LiteTopic | undefined {
  if (!lmqName.startsWith(LITE_PREFIX)) return undefined;
  const at = lmqName.indexOf(SEPARATOR, LITE_PREFIX.length);
  if (at <= LITE_PREFIX.length || at === lmqName.length - 1 || lmqName.includes(SEPARATOR, at + 1)) return undefined;
  return { parent: lmqName.slice(LITE_PREFIX.length, at), lite: lmqName.slice(at + 1) };
}

/** Why `lite` can't be the name of a lite topic: its light queue would be another one, or several. Undefined: it can. */
export function liteTopicFault(lite: string): string | undefined {
  const wrong = [SEPARATOR, QUEUE_SEPARATOR].find((character) => lite.includes(character));
  return wrong === undefined ? undefined : `the lite topic "${lite.slice(0, 40)}" contains "${wrong}", which no lite topic may`;
}
