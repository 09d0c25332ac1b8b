import { body, map, mapOf, text } from "../body.ts";

/** Names and values: KV configuration, runtime info of a broker. */
export interface KVTable {
  table: Map<string, string>;
}

export const kvTable = body<KVTable>("KVTable", { table: map(text) });

/** The nameserver's kvConfig.json: namespace -> key -> value. */
export interface KVConfigSerializeWrapper {
  configTable: Map<string, Map<string, string>>;
}

export const kvConfigSerializeWrapper = body<KVConfigSerializeWrapper>("KVConfigSerializeWrapper", {
  configTable: map(mapOf(text)),
});
