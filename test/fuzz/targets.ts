/**
 * THE table of fuzz targets. A target takes any bytes and either handles them or throws one of its own errors; anything
 * else (a TypeError, a RangeError, a result that contradicts itself) is a bug.
 *
 * Seeds are in `seeds/<name>.txt`. A bug that was found stays there as a line that says what it proves.
 */
import { isDeepStrictEqual } from "node:util";
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { PropertiesError, parseProperties as parseConfig } from "../../core/properties.ts";
import { decodeBatch, encodeBatch } from "../../wire/batch.ts";
import { queryAssignmentRequestBody, setMessageRequestModeRequestBody } from "../../wire/bodies/assignment.ts";
import { heartbeatData } from "../../wire/bodies/heartbeat.ts";
import { lockBatchRequestBody } from "../../wire/bodies/lock.ts";
import { consumerOffsetFile, getConsumerStatusBody, resetOffsetBody } from "../../wire/bodies/offset.ts";
import { batchAckMessageRequestBody } from "../../wire/bodies/pop.ts";
import {
  decodeRegisterBrokerBody,
  encodeCompressedRegisterBroker,
  registerBrokerBody,
} from "../../wire/bodies/register_broker.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { consumerRunningInfo } from "../../wire/bodies/running_info.ts";
import { topicQueueMappingDetail } from "../../wire/bodies/static_topic.ts";
import { checkClientRequestBody } from "../../wire/bodies/subscription.ts";
import { subscriptionGroupList, subscriptionGroupWrapper } from "../../wire/bodies/subscription_group.ts";
import { createTopicListRequestBody, topicConfigSerializeWrapper } from "../../wire/bodies/topic.ts";
import type { BodyCodec } from "../../wire/body.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import { parseJsonBytes } from "../../wire/json.ts";
import { formatJson } from "../../wire/json_writer.ts";
import { recordSizeBound, writeRecord } from "../../wire/message.ts";
import { decodeMessageId, encodeMessageId } from "../../wire/message_id.ts";
import { decodeRecord, decodeRecords, layoutOf, propertyCrcHolds, readRecordMark } from "../../wire/message_reader.ts";
import { addProperty, parseProperties, propertyOf, removeProperty, setProperty } from "../../wire/properties.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { type ReadRequest, RequestReader } from "../../wire/request_reader.ts";
import { REQUESTS, type RequestRow } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";

export interface FuzzTarget {
  readonly name: string;
  /** Errors that are an answer. */
  readonly errors: readonly (new (
    message: string,
  ) => Error)[];
  /** Throws an `Error` that is none of `errors` when something is wrong. */
  run(bytes: Uint8Array): void;
}

const rows = Object.values(REQUESTS) as RequestRow[];
const rowsByCode = new Map(rows.map((row) => [row.code, row]));

function demand(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function encoded(command: RemotingCommand): Uint8Array {
  const writer = new ByteWriter(16);
  encodeCommand(command, writer);
  return writer.written();
}

/** The short way of reading a request makes the same of it as the long one, or nothing. */
function agreesWithTheLongWay(frame: Uint8Array): void {
  // A reader that knows headers before it, and one that knows none.
  for (const reader of [experienced, new RequestReader(rows)]) {
    const read = reader.read(frame, 0, frame.length);
    if (read !== undefined) agrees(read, frame);
  }
}

const experienced = new RequestReader(rows);

function agrees(read: ReadRequest, frame: Uint8Array): void {
  const { header, ...command } = read;
  const { extFields, ...longWay } = decodeCommand(frame);
  const decoded = (rowsByCode.get(command.code) as RequestRow).request.decode(extFields) as object;
  demand(isDeepStrictEqual(header, decoded), "the short way reads another header");
  demand(isDeepStrictEqual({ ...command, extFields }, { ...longWay, extFields }), "the short way reads another command");
}

/** A header as one frame; whatever its length, the frame is consistent, so that the header decoder is reached. */
function headerTarget(serializeType: 0 | 1): (header: Uint8Array) => void {
  return (header) => {
    const frame = new Uint8Array(8 + header.length);
    new DataView(frame.buffer).setInt32(0, 4 + header.length);
    new DataView(frame.buffer).setInt32(4, (serializeType << 24) | header.length);
    frame.set(header, 8);
    agreesWithTheLongWay(frame);
    const command = decodeCommand(frame);
    // What was understood is written and understood the same again.
    const again = decodeCommand(encoded(command));
    demand(again.code === command.code && again.opaque === command.opaque, "code or opaque changed on the way");
    demand(again.remark === (command.remark || again.remark), "the remark changed on the way");
    const row = rowsByCode.get(command.code);
    for (const each of row === undefined ? rows.slice(0, 20) : [row]) {
      try {
        each.request.decode(command.extFields);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
      }
    }
  };
}

/** A body that is read is written and read the same again. */
function bodyTarget(codec: BodyCodec<unknown>): FuzzTarget {
  return {
    name: `body ${codec.name}`,
    errors: [WireError],
    run(bytes) {
      const first = codec.format(codec.decode(bytes));
      // Engines put keys like 5 before keys like 05, so only what was written once has its final order.
      const text = codec.format(codec.parse(first));
      demand(text.length === first.length && codec.format(codec.parse(text)) === text, `not stable: ${text.slice(0, 200)}`);
      const pretty = codec.format(codec.parse(text), { pretty: true });
      demand(codec.format(codec.parse(pretty)) === text, `not stable in the pretty form: ${text.slice(0, 200)}`);
    },
  };
}

export const TARGETS: readonly FuzzTarget[] = [
  {
    name: "frame",
    errors: [WireError],
    run(bytes) {
      const splitter = new FrameSplitter(4096);
      let handed = 0;
      // The first byte decides how the stream is cut, so that a case is one string of bytes.
      const step = 1 + ((bytes[0] ?? 0) % 61);
      for (let at = 0; at < bytes.length; at += step) {
        splitter.push(bytes.subarray(at, at + step), (frame, from, to) => {
          handed += to - from;
          demand(to - from <= 4096, "a frame beyond the limit");
          try {
            decodeCommand(frame, from, to);
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        });
        demand(handed + splitter.pendingBytes <= bytes.length, "more bytes came out than went in");
      }
    },
  },
  { name: "header JSON", errors: [WireError], run: headerTarget(0) },
  { name: "header ROCKETMQ", errors: [WireError], run: headerTarget(1) },
  {
    name: "record",
    errors: [WireError],
    run(bytes) {
      if (bytes.length >= 8) readRecordMark(bytes);
      const layout = layoutOf(bytes);
      demand(layout.propertiesAt + layout.propertiesBytes === layout.size, "the parts do not fill the record");
      propertyCrcHolds(bytes, layout, crc32);
      const message = decodeRecord(bytes);
      demand(message.body.length + message.topic.length + message.properties.length <= bytes.length, "more text than bytes");
      if (message.bornPort >= 0 && message.bornPort <= 65_535 && message.storePort >= 0 && message.storePort <= 65_535) {
        const target = new Uint8Array(recordSizeBound(message));
        writeRecord(target, 0, message, message);
      }
      decodeRecords(bytes);
    },
  },
  {
    name: "properties",
    errors: [WireError],
    run(bytes) {
      const text = decodeUtf8(bytes);
      const all = parseProperties(text);
      for (const [name, value] of all) {
        demand(propertyOf(text, name) === value, `propertyOf differs for ${JSON.stringify(name)}`);
        const without = removeProperty(text, name);
        demand(!parseProperties(without).has(name), `${JSON.stringify(name)} is still there`);
        demand(propertyOf(setProperty(text, name, "x"), name) === "x", `${JSON.stringify(name)} was not set`);
      }
      demand(propertyOf(addProperty(text, "added", "x"), "added") === "x", "what was added is not found");
    },
  },
  {
    name: "config properties",
    errors: [PropertiesError],
    run(bytes) {
      parseConfig(bytes);
    },
  },
  {
    name: "json",
    errors: [WireError],
    run(bytes) {
      const text = formatJson(parseJsonBytes(bytes));
      demand(formatJson(parseJsonBytes(new TextEncoder().encode(text))) === text, `not stable: ${text.slice(0, 200)}`);
    },
  },
  {
    name: "batch",
    errors: [WireError],
    run(bytes) {
      const entries = decodeBatch(bytes);
      demand(entries.length <= bytes.length / 22, "more entries than fit");
      demand(decodeBatch(encodeBatch(entries)).length === entries.length, "entries were lost");
    },
  },
  {
    name: "message id",
    errors: [WireError],
    run(bytes) {
      const text = decodeUtf8(bytes);
      const { host, port, physicalOffset } = decodeMessageId(text);
      const again = decodeMessageId(encodeMessageId(host, port, physicalOffset));
      demand(again.host === host && again.port === port && again.physicalOffset === physicalOffset, "the id changed on the way");
    },
  },
  {
    name: "register broker",
    errors: [WireError],
    run(bytes) {
      const inflate = (stream: Uint8Array, bytesMax: number): Uint8Array => inflateSync(stream, { maxOutputLength: bytesMax });
      // A seed is what the stream unfolds to: mutations of a zlib stream would rarely get beyond its checksum.
      const body = decodeRegisterBrokerBody(deflateSync(bytes), 513, inflate);
      const again = encodeCompressedRegisterBroker(body, (plain, level) => deflateSync(plain, { level }));
      demand(
        registerBrokerBody.format(decodeRegisterBrokerBody(again, 513, inflate)) === registerBrokerBody.format(body),
        "the body changed on the way",
      );
    },
  },
  ...(
    [
      batchAckMessageRequestBody,
      checkClientRequestBody,
      consumerOffsetFile,
      consumerRunningInfo,
      createTopicListRequestBody,
      getConsumerStatusBody,
      heartbeatData,
      lockBatchRequestBody,
      queryAssignmentRequestBody,
      registerBrokerBody,
      resetOffsetBody,
      setMessageRequestModeRequestBody,
      subscriptionGroupList,
      subscriptionGroupWrapper,
      topicConfigSerializeWrapper,
      topicQueueMappingDetail,
      topicRouteData,
    ] as BodyCodec<unknown>[]
  ).map(bodyTarget),
];
