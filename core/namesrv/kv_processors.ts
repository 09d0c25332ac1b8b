/** The KV configuration, asked and set. */
import { kvTable } from "../../wire/bodies/kv_table.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Processor, RemotingError } from "../remoting/processor.ts";
import { clipped } from "../routing/names.ts";
import type { KVConfigManager } from "./kv_config.ts";

type Served = "PUT_KV_CONFIG" | "GET_KV_CONFIG" | "DELETE_KV_CONFIG" | "GET_KVLIST_BY_NAMESPACE";

export function kvProcessors(kvConfig: KVConfigManager): { readonly [N in Served]: Processor<N> } {
  return {
    PUT_KV_CONFIG(_context, { header: { namespace, key, value } }) {
      kvConfig.put(namespace, key, value);
      return {};
    },
    GET_KV_CONFIG(_context, { header: { namespace, key } }) {
      const value = kvConfig.get(namespace, key);
      if (value !== undefined) return { header: { value } };
      throw notFound(`No config item, Namespace: ${clipped(namespace)} Key: ${clipped(key)}`);
    },
    DELETE_KV_CONFIG(_context, { header: { namespace, key } }) {
      kvConfig.delete(namespace, key);
      return {};
    },
    GET_KVLIST_BY_NAMESPACE(_context, { header: { namespace } }) {
      const table = kvConfig.namespace(namespace);
      if (table !== undefined) return { body: kvTable.encode({ table: new Map(table) }) };
      throw notFound(`No config item, Namespace: ${clipped(namespace)}`);
    },
  };
}

const notFound = (remark: string): RemotingError => new RemotingError(ResponseCode.QUERY_NOT_FOUND, remark);
