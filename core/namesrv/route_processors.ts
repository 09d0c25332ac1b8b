/** What clients and operators ask about brokers: routes, clusters, members of a broker name. */
import { clusterInfo, getBrokerMemberGroupResponseBody } from "../../wire/bodies/route.ts";
import { SEE_FAQ } from "../../wire/mix_all.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { V4_9_4 } from "../../wire/version.ts";
import { type Peer, type Processor, RemotingError, type RequestContext } from "../remoting/processor.ts";
import { clipped } from "../routing/names.ts";
import type { RouteInfoManager } from "../routing/route_info_manager.ts";
import { type AddressOf, brokerWithAddresses } from "../routing/topic_route.ts";
import type { Clock } from "../runtime.ts";
import type { NamesrvSettings } from "./options.ts";
import type { RouteAnswers } from "./route_answers.ts";

/** Brokers in this process that know better than their registration what a peer is to dial. */
export class AdvertisedBrokers {
  readonly #addressFor = new Map<string, (peer: Peer) => string>();

  /** @returns what takes it back, unless another broker of that name and id came since. */
  add(brokerName: string, brokerId: number, addressFor: (peer: Peer) => string): () => void {
    const key = `${brokerId} ${brokerName}`;
    this.#addressFor.set(key, addressFor);
    return () => {
      if (this.#addressFor.get(key) === addressFor) this.#addressFor.delete(key);
    };
  }

  /** What this peer is told; undefined when all brokers are told as registered. */
  forPeer(peer: Peer): AddressOf | undefined {
    if (this.#addressFor.size === 0) return undefined;
    return (brokerName, brokerId, registered) => this.#addressFor.get(`${brokerId} ${brokerName}`)?.(peer) ?? registered;
  }
}

export interface RouteParts {
  readonly clock: Clock;
  readonly settings: NamesrvSettings;
  readonly routes: RouteInfoManager;
  readonly answers: RouteAnswers;
  readonly advertised: AdvertisedBrokers;
  /** Clock.monotonic() of the start. */
  readonly startedAt: () => number;
}

interface RouteProcessors {
  readonly GET_ROUTEINFO_BY_TOPIC: Processor<"GET_ROUTEINFO_BY_TOPIC">;
  readonly GET_BROKER_CLUSTER_INFO: Processor<"GET_BROKER_CLUSTER_INFO">;
  readonly GET_BROKER_MEMBER_GROUP: Processor<"GET_BROKER_MEMBER_GROUP">;
}

const ZONE_MODE = "__ZONE_MODE";
const ZONE_NAME = "__ZONE_NAME";

export function routeProcessors(parts: RouteParts): RouteProcessors {
  const { routes, answers, advertised } = parts;

  return {
    GET_ROUTEINFO_BY_TOPIC(context, { header }) {
      checkReady(parts);
      const { topic, acceptStandardJsonOnly } = header;
      const body = answers.body(topic, {
        strict: context.version >= V4_9_4 || acceptStandardJsonOnly === true,
        zoneName: zoneOf(context),
        addressOf: advertised.forPeer(context.peer),
      });
      if (body !== undefined) return { body };
      const remark = `No topic route info in name server for the topic: ${clipped(topic, 300)}\n${SEE_FAQ}\n${routes.explainNoRoute(topic)}`;
      throw new RemotingError(ResponseCode.TOPIC_NOT_EXIST, remark);
    },

    GET_BROKER_CLUSTER_INFO(context) {
      const info = routes.clusterInfo();
      const address = advertised.forPeer(context.peer);
      if (address !== undefined) {
        for (const [name, broker] of info.brokerAddrTable) info.brokerAddrTable.set(name, brokerWithAddresses(broker, address));
      }
      return { body: clusterInfo.encode(info) };
    },

    GET_BROKER_MEMBER_GROUP(context, { header: { clusterName, brokerName } }) {
      const group = routes.memberGroup(clusterName, brokerName);
      const address = advertised.forPeer(context.peer);
      const brokerMemberGroup = address === undefined ? group : brokerWithAddresses(group, address);
      return { body: getBrokerMemberGroupResponseBody.encode({ brokerMemberGroup }) };
    },
  };
}

/** A nameserver that has just started knows few brokers yet; with needWaitForService it says so instead of telling half. */
function checkReady({ clock, settings, startedAt }: RouteParts): void {
  if (!settings.needWaitForService) return;
  const upForMs = clock.monotonic() - startedAt();
  const waitMs = settings.waitSecondsForService * 1000;
  if (upForMs >= waitMs) return;
  const leftSeconds = Math.ceil((waitMs - upForMs) / 1000);
  throw new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `name server not ready: it waits ${leftSeconds} s more for brokers to register (needWaitForService, waitSecondsForService=${settings.waitSecondsForService})`,
  );
}

function zoneOf({ extFields }: RequestContext): string | undefined {
  if (extFields[ZONE_MODE]?.toLowerCase() !== "true") return undefined;
  const zoneName = extFields[ZONE_NAME];
  return zoneName === undefined || zoneName.trim() === "" ? undefined : zoneName;
}
