/** How brokers make themselves known, stay known, and say goodbye. */

import { kvTable } from "../../wire/bodies/kv_table.ts";
import {
  decodeCompressedRegisterBroker,
  type RegisterBrokerBody,
  registerBrokerBody,
  topicConfigAndMappingSerializeWrapper,
} from "../../wire/bodies/register_broker.ts";
import { dataVersion } from "../../wire/bodies/topic.ts";
import { WireError } from "../../wire/errors.ts";
import type { RequestHeaderOf } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type Peer, type Processor, RemotingError, type RequestContext } from "../remoting/processor.ts";
import { BROKERS_MAX, type MinBrokerIdChange, type Registration, type RegistrationResult } from "../routing/registration.ts";
import type { RouteInfoManager } from "../routing/route_info_manager.ts";
import type { Log, Runtime } from "../runtime.ts";
import { type KVConfigManager, NAMESPACE_ORDER_TOPIC_CONFIG } from "./kv_config.ts";
import type { NamesrvSettings } from "./options.ts";
import type { UnregisterQueue } from "./unregister_queue.ts";

export interface BrokerParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: NamesrvSettings;
  readonly routes: RouteInfoManager;
  readonly kvConfig: KVConfigManager;
  readonly unregister: UnregisterQueue;
  /** The close of this connection is to take its brokers out. */
  readonly watch: (peer: Peer) => void;
  readonly notify: (change: MinBrokerIdChange) => void;
}

type Served = "REGISTER_BROKER" | "UNREGISTER_BROKER" | "BROKER_HEARTBEAT" | "QUERY_DATA_VERSION";

/** Before this release the body is the bare table of topics. */
const V3_0_11 = 37;
const ZLIB_FIRST_BYTE = 0x78;
const JSON_FIRST_BYTE = 0x7b;
const ZONE_NAME = "__ZONE_NAME";

const REFUSALS: Readonly<Partial<Record<RegistrationResult["status"], string>>> = {
  single: "a broker's first registration must carry its whole topic table, this one has one topic",
  full: `${BROKERS_MAX} brokers are registered already, which is the maximum`,
};

export function brokerProcessors(parts: BrokerParts): { readonly [N in Served]: Processor<N> } {
  const { settings, routes, kvConfig, unregister, watch, notify } = parts;
  return {
    REGISTER_BROKER(context, { header, body }) {
      checkCrc(parts, header.bodyCrc32, body, header.brokerName);
      const registration = registrationOf(parts, context, header, body);
      const fault = routes.registrationFault(registration);
      if (fault !== undefined) throw new RemotingError(ResponseCode.SYSTEM_ERROR, `register broker failed: ${fault}`);

      unregister.drain();
      const result = routes.register(registration);
      const refusal = REFUSALS[result.status];
      if (refusal !== undefined) throw new RemotingError(ResponseCode.SYSTEM_ERROR, `register broker failed: ${refusal}`);
      if (result.status === "registered") watch(context.peer);
      if (result.minIdChange !== undefined) notify(result.minIdChange);

      const { masterAddr, haServerAddr } = result;
      const orderTopics = settings.returnOrderTopicConfigToBroker ? kvConfig.namespace(NAMESPACE_ORDER_TOPIC_CONFIG) : undefined;
      return {
        header: { masterAddr, haServerAddr },
        ...(orderTopics === undefined ? {} : { body: kvTable.encode({ table: new Map(orderTopics) }) }),
      };
    },

    UNREGISTER_BROKER(_context, { header: { clusterName, brokerName, brokerAddr } }) {
      unregister.add({ clusterName, brokerName, brokerAddr });
      return {};
    },

    BROKER_HEARTBEAT(_context, { header: { clusterName, brokerAddr } }) {
      routes.refresh(clusterName, brokerAddr);
      return {};
    },

    QUERY_DATA_VERSION(_context, { header: { clusterName, brokerAddr }, body }) {
      const changed = routes.isBrokerTopicConfigChanged(clusterName, brokerAddr, dataVersion.decode(body));
      routes.refresh(clusterName, brokerAddr);
      const stored = routes.dataVersion(clusterName, brokerAddr);
      return { header: { changed }, ...(stored === undefined ? {} : { body: dataVersion.encode(stored) }) };
    },
  };
}

function checkCrc({ runtime, log }: BrokerParts, told: number, body: Uint8Array, brokerName: string): void {
  if (told === 0) return;
  const seen = runtime.digest.crc32(body) & 0x7fff_ffff;
  if (seen === told) return;
  log.warn("a registration's body has another CRC than its header says", { broker: brokerName, told, seen });
  throw new RemotingError(ResponseCode.SYSTEM_ERROR, `crc32 not match: the header says ${told}, the body has ${seen}`);
}

function registrationOf(
  parts: BrokerParts,
  { peer, version, extFields }: RequestContext,
  header: RequestHeaderOf<"REGISTER_BROKER">,
  body: Uint8Array,
): Registration {
  const decoded = bodyOf(parts, version, header.compressed === true, body);
  const topics = decoded.topicConfigSerializeWrapper;
  return {
    clusterName: header.clusterName,
    brokerName: header.brokerName,
    brokerAddr: header.brokerAddr,
    brokerId: header.brokerId,
    haServerAddr: header.haServerAddr,
    zoneName: extFields[ZONE_NAME],
    heartbeatTimeoutMs: header.heartbeatTimeoutMillis,
    enableActingMaster: header.enableActingMaster,
    dataVersion: topics.dataVersion,
    topics: [...topics.topicConfigTable.values()],
    mappingInfos: [...topics.topicQueueMappingInfoMap.values()],
    filterServers: decoded.filterServerList,
    channel: peer,
  };
}

/**
 * The body, in whichever of its forms. By header it is JSON or a zlib stream, but a 5.5 broker with compressedRegister=true
 * says `compressed=false` and compresses all the same, so the first byte decides: JSON begins with `{`, zlib with 0x78.
 */
function bodyOf({ runtime }: BrokerParts, version: number, compressed: boolean, body: Uint8Array): RegisterBrokerBody {
  if (body.length === 0) return registerBrokerBody.parse("{}");
  try {
    if (body[0] === ZLIB_FIRST_BYTE || (compressed && body[0] !== JSON_FIRST_BYTE)) {
      return decodeCompressedRegisterBroker(body, version, (bytes, bytesMax) => runtime.compression.inflate(bytes, bytesMax));
    }
    if (version >= V3_0_11) return registerBrokerBody.decode(body);
    return {
      topicConfigSerializeWrapper: topicConfigAndMappingSerializeWrapper.decode(body),
      filterServerList: [],
    };
  } catch (fault) {
    if (!(fault instanceof WireError)) throw fault;
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, `Failed to decode RegisterBrokerBody: ${fault.message}`);
  }
}
