/**
 * What a broker registers with a nameserver: all its topics, or those that changed.
 *
 * Plain: JSON. Compressed (header `compressed`): a zlib stream of, every integer an int32,
 * ```
 * length DataVersion-JSON
 * topicCount    ( length  "topicName readQueueNums writeQueueNums perm topicFilterType attributes-JSON" )*
 * length filterServerList-JSON
 * mappingCount  ( length TopicQueueMappingInfo-JSON )*         only from version V5_0_0 on
 * ```
 */
import { body, bodyOf, list, listOf, map, orNew, text, textRecord } from "../body.ts";
import { ByteWriter } from "../byte_writer.ts";
import { decodeUtf8, readInt32 } from "../bytes.ts";
import { WireError } from "../errors.ts";
import { V5_0_0 } from "../version.ts";
import {
  type TopicQueueMappingDetail,
  type TopicQueueMappingInfo,
  topicQueueMappingDetail,
  topicQueueMappingInfo,
} from "./static_topic.ts";
import {
  type DataVersion,
  dataVersion,
  noDataVersion,
  TOPIC_FILTER_TYPES,
  type TopicConfig,
  type TopicConfigSerializeWrapper,
  topicConfig,
} from "./topic.ts";

export interface TopicConfigAndMappingSerializeWrapper extends TopicConfigSerializeWrapper {
  /** What this broker leads of static topics: for nameservers. */
  topicQueueMappingInfoMap: Map<string, TopicQueueMappingInfo>;
  /** The whole mapping: for slaves. */
  topicQueueMappingDetailMap: Map<string, TopicQueueMappingDetail>;
  mappingDataVersion: DataVersion;
}

export const topicConfigAndMappingSerializeWrapper = body<TopicConfigAndMappingSerializeWrapper>(
  "TopicConfigAndMappingSerializeWrapper",
  {
    topicConfigTable: map(topicConfig),
    dataVersion: orNew(dataVersion, noDataVersion),
    topicQueueMappingInfoMap: map(topicQueueMappingInfo),
    topicQueueMappingDetailMap: map(topicQueueMappingDetail),
    mappingDataVersion: orNew(dataVersion, noDataVersion),
  },
);

export interface RegisterBrokerBody {
  topicConfigSerializeWrapper: TopicConfigAndMappingSerializeWrapper;
  filterServerList: string[];
}

export const registerBrokerBody = body<RegisterBrokerBody>("RegisterBrokerBody", {
  topicConfigSerializeWrapper: orNew(topicConfigAndMappingSerializeWrapper, () =>
    topicConfigAndMappingSerializeWrapper.read({}, ""),
  ),
  filterServerList: list(text),
});

/** zlib as handed in: inflates `bytes` to at most `bytesMax`, or throws. */
export type Inflate = (bytes: Uint8Array, bytesMax: number) => Uint8Array;
/** zlib with a level of 0..9. */
export type Deflate = (bytes: Uint8Array, level: number) => Uint8Array;

/** Apache's level for this body. */
const DEFLATE_LEVEL = 9;

/** What an inflated body may hold: 100,000 topics with long names and attributes, and a bound on a small bomb. */
export const REGISTER_BODY_BYTES_MAX = 64 * 1024 * 1024;

const filterServers = bodyOf("filterServerList", listOf(text));
const attributes = bodyOf("attributes", textRecord);

/** First byte of a zlib stream with a 32 KiB window, which is what Java's and every common deflater writes. */
const ZLIB_FIRST_BYTE = 0x78;

/**
 * Decodes either form. The header's `compressed` is not asked: an Apache broker with compressedRegister=true compresses and
 * still says "false", so the first byte decides (JSON begins with `{` or space).
 * @param version of the broker that registers (RemotingCommand.version): decides whether mappings follow.
 * @throws WireError when the stream or the JSON is broken, or a length is beyond what is there.
 */
export function decodeRegisterBrokerBody(bytes: Uint8Array, version: number, inflate: Inflate): RegisterBrokerBody {
  return bytes[0] === ZLIB_FIRST_BYTE
    ? decodeCompressedRegisterBroker(bytes, version, inflate)
    : registerBrokerBody.decode(bytes);
}

/** As `decodeRegisterBrokerBody`, for the compressed form alone. */
export function decodeCompressedRegisterBroker(bytes: Uint8Array, version: number, inflate: Inflate): RegisterBrokerBody {
  let inflated: Uint8Array;
  try {
    inflated = inflate(bytes, REGISTER_BODY_BYTES_MAX);
  } catch (cause) {
    throw new WireError(
      `the compressed RegisterBrokerBody of ${bytes.length} bytes can't be inflated: ${(cause as Error).message}`,
    );
  }
  const reader = new SectionReader(inflated);
  const wrapper = topicConfigAndMappingSerializeWrapper.read({}, "");
  wrapper.dataVersion = dataVersion.parse(reader.section("dataVersion"));
  for (let left = reader.count("topics"); left > 0; left--) {
    const config = parseTopic(reader.section("a topic"));
    wrapper.topicConfigTable.set(config.topicName, config);
  }
  const filterServerList = filterServers.parse(reader.section("filterServerList"));
  if (version >= V5_0_0) {
    for (let left = reader.count("mappings"); left > 0; left--) {
      const info = topicQueueMappingInfo.parse(reader.section("a mapping"));
      wrapper.topicQueueMappingInfoMap.set(info.topic, info);
    }
  }
  return { topicConfigSerializeWrapper: wrapper, filterServerList };
}

export function encodeCompressedRegisterBroker(value: RegisterBrokerBody, deflate: Deflate): Uint8Array {
  const { topicConfigSerializeWrapper: wrapper, filterServerList } = value;
  const writer = new ByteWriter();
  const section = (content: string): void => {
    const at = writer.skip(4);
    writer.int32At(at, writer.utf8(content));
  };
  section(dataVersion.format(wrapper.dataVersion));
  writer.int32(wrapper.topicConfigTable.size);
  for (const config of wrapper.topicConfigTable.values()) section(formatTopic(config));
  section(filterServers.format(filterServerList));
  writer.int32(wrapper.topicQueueMappingInfoMap.size);
  for (const info of wrapper.topicQueueMappingInfoMap.values()) section(topicQueueMappingInfo.format(info));
  return deflate(writer.written(), DEFLATE_LEVEL);
}

/** The topic as one line of text, as Apache's TopicConfig.encode. */
export function formatTopic(config: TopicConfig): string {
  const { topicName, readQueueNums, writeQueueNums, perm, topicFilterType } = config;
  return `${topicName} ${readQueueNums} ${writeQueueNums} ${perm} ${topicFilterType} ${attributes.format(config.attributes)}`;
}

const INTEGER = /^\d{1,9}$/;

/** @throws WireError when a part is missing or no number. Attributes may be absent (brokers before 5.0). */
export function parseTopic(line: string): TopicConfig {
  const [topicName = "", read = "", write = "", perm = "", filterType = ""] = line.split(" ", 5);
  const topicFilterType = TOPIC_FILTER_TYPES.find((each) => each === filterType);
  if (topicName === "" || topicFilterType === undefined || ![read, write, perm].every((number) => INTEGER.test(number))) {
    throw new WireError(`"${line.slice(0, 80)}" is not "topicName readQueueNums writeQueueNums perm topicFilterType attributes"`);
  }
  const head = `${topicName} ${read} ${write} ${perm} ${filterType} `;
  const rest = line.slice(head.length);
  return {
    topicName,
    readQueueNums: Number(read),
    writeQueueNums: Number(write),
    perm: Number(perm),
    topicFilterType,
    topicSysFlag: 0,
    order: false,
    attributes: rest.trim() === "" ? {} : attributes.parse(rest),
  };
}

/** Counted sections of text, each length checked against what is left. */
class SectionReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  section(of: string): string {
    const length = this.#int32(of);
    if (length < 0 || length > this.#bytes.length - this.#at) throw this.#outside(of, length, this.#bytes.length - this.#at);
    this.#at += length;
    return decodeUtf8(this.#bytes.subarray(this.#at - length, this.#at));
  }

  /** How many sections follow; each takes four bytes at least. */
  count(of: string): number {
    const count = this.#int32(`the count of ${of}`);
    const countMax = Math.floor((this.#bytes.length - this.#at) / 4);
    if (count < 0 || count > countMax) throw this.#outside(`the count of ${of}`, count, countMax);
    return count;
  }

  #int32(of: string): number {
    if (this.#bytes.length - this.#at < 4) {
      throw new WireError(`the RegisterBrokerBody ends at byte ${this.#at}, before ${of}`);
    }
    this.#at += 4;
    return readInt32(this.#bytes, this.#at - 4);
  }

  #outside(of: string, value: number, max: number): WireError {
    return new WireError(`RegisterBrokerBody at byte ${this.#at - 4}: ${value} for ${of} is outside 0..${max}`);
  }
}
