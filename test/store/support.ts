/** Stores and messages for the tests of the store. */
import { settingsWith } from "../../core/config.ts";
import type { Log, Runtime } from "../../core/runtime.ts";
import { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { GetResult, MessageInput, MessageStore, PutReceipt, PutRefusal } from "../../core/store/message_store.ts";
import { type StoreSettings, type StoreSettingsInput, storeOptions } from "../../core/store/options.ts";
import type { TopicAttributes } from "../../core/store/topic_attributes.ts";
import { tagsCode } from "../../wire/java_hash.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { formatProperties } from "../../wire/properties.ts";

/** Small files, so that their ends come often: 4 KiB of log, 10 units of a queue, 7 slots and 20 entries of an index. */
export const SMALL: StoreSettingsInput = {
  mappedFileSizeCommitLog: 4096,
  mappedFileSizeConsumeQueue: 200,
  maxHashSlotNum: 7,
  maxIndexNum: 20,
};

export interface Lines extends Log {
  readonly lines: string[];
}

/** A log that keeps its lines. */
export function linesLog(): Lines {
  const lines: string[] = [];
  const at =
    (level: string): Log["info"] =>
    (message, fields) => {
      lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    };
  return { lines, error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** Without a floor of free bytes: simulated disks that are to be full have few pages. */
export function settingsOf(runtime: Runtime, directory: string, input: StoreSettingsInput = {}): StoreSettings {
  return settingsWith(storeOptions, { storePathRootDir: directory, diskSpaceFreeBytesMin: 0, ...input }, runtime.system);
}

export async function openStore(
  runtime: Runtime,
  directory: string,
  input: StoreSettingsInput = {},
  log: Log = linesLog(),
  topicAttributes?: TopicAttributes,
): Promise<DefaultMessageStore> {
  const store = new DefaultMessageStore(runtime, log, settingsOf(runtime, directory, input), topicAttributes);
  await store.load();
  return store;
}

export interface MessageParts extends Partial<MessageInput> {
  readonly text?: string;
  readonly tags?: string;
  readonly keys?: string;
  readonly uniqKey?: string;
}

export function message(parts: MessageParts = {}): MessageInput {
  const properties = new Map<string, string>();
  if (parts.keys !== undefined) properties.set("KEYS", parts.keys);
  if (parts.uniqKey !== undefined) properties.set("UNIQ_KEY", parts.uniqKey);
  if (parts.tags !== undefined) properties.set("TAGS", parts.tags);
  return {
    topic: "TopicA",
    queueId: 0,
    flag: 0,
    sysFlag: 0,
    bornTimestamp: 1_700_000_000_000,
    bornHost: "127.0.0.1",
    bornPort: 50_000,
    storeHost: "127.0.0.1",
    storePort: 10_911,
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    body: new TextEncoder().encode(parts.text ?? "hello"),
    properties: formatProperties(properties),
    tagsCode: tagsCode(parts.tags),
    ...parts,
  };
}

/** Appends; throws when the store refuses. */
export function put(store: MessageStore, parts: MessageParts = {}): PutReceipt {
  const result = store.append(message(parts));
  if (result.status !== "PUT_OK") throw new Error(`refused: ${result.status} ${result.reason}`);
  return result;
}

/** Appends and waits until the message is readable. */
export async function putNow(store: MessageStore, parts: MessageParts = {}, flushed = false): Promise<PutReceipt> {
  const receipt = put(store, parts);
  await store.durable(receipt.endOffset, flushed);
  return receipt;
}

export const refusalOf = (result: PutReceipt | PutReceipt[] | PutRefusal): PutRefusal => {
  if (Array.isArray(result) || result.status === "PUT_OK") throw new Error("it was not refused");
  return result;
};

export interface Pulled extends Omit<GetResult, "body"> {
  readonly messages: StoredMessage[];
  readonly bodyBytes: number;
}

export async function pull(
  store: MessageStore,
  offset: number,
  options: { topic?: string; queueId?: number; max?: number; bytes?: number; tags?: string[] } = {},
): Promise<Pulled> {
  const { topic = "TopicA", queueId = 0, max = 32, bytes = 1 << 20, tags } = options;
  const codes = tags === undefined ? undefined : new Set(tags.map((tag) => tagsCode(tag)));
  const filter = codes === undefined ? undefined : (code: number) => codes.has(code);
  const { body, ...rest } = await store.get({ topic, queueId }, offset, { messagesMax: max, bytesMax: bytes }, filter);
  return { ...rest, messages: decodeRecords(body), bodyBytes: body.length };
}

/** Texts of all messages of a queue, pulled from its start. */
export async function textsOf(store: MessageStore, topic = "TopicA", queueId = 0): Promise<string[]> {
  const texts: string[] = [];
  let offset = Math.max(0, store.minOffset({ topic, queueId }));
  for (;;) {
    const pulled = await pull(store, offset, { topic, queueId });
    if (pulled.status !== "FOUND" && pulled.status !== "MESSAGE_WAS_REMOVING") return texts;
    for (const { body } of pulled.messages) texts.push(new TextDecoder().decode(body));
    offset = pulled.nextBeginOffset;
  }
}

export const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? new Uint8Array(0)).toString("hex");

/** Bytes of a file on the runtime's disk. */
export function bytesOf(runtime: Runtime, path: string, from: number, count: number): Uint8Array {
  const file = runtime.files.open(path, { readOnly: true });
  try {
    const bytes = new Uint8Array(count);
    return bytes.subarray(0, file.readSync(bytes, from));
  } finally {
    file.close();
  }
}
