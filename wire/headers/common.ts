/** Fields that many headers share. Field names are Apache's; facts: the class files of 5.5.0. */
import { optional } from "../header.ts";

/** Every request header derived from Apache's RpcRequestHeader. */
export interface RpcHeader {
  /** Namespace of the resource, when the client splits it off. */
  ns?: string | undefined;
  /** True when names in this header already carry the namespace. */
  nsd?: boolean | undefined;
  /** Name of the broker meant: set for static topics and by proxies. */
  bname?: string | undefined;
  /** Asks for no response; informative, the flag bit decides. */
  oway?: boolean | undefined;
}

export const rpcFields = { ns: optional.string, nsd: optional.boolean, bname: optional.string, oway: optional.boolean } as const;

export interface TopicHeader extends RpcHeader {
  /** Static topics: false says that queueId is a physical queue of this broker. */
  lo?: boolean | undefined;
}

export const topicFields = { ...rpcFields, lo: optional.boolean } as const;

export type TopicQueueHeader = TopicHeader;

export const topicQueueFields = topicFields;
