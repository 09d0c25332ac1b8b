/**
 * Route answers as bytes, one per topic and style, until something that they are made of changes: a million clients that
 * ask every 30 s cost a look-up each.
 */
import { ROUTE_STRICT, type TopicRouteData, topicRouteData } from "../../wire/bodies/route.ts";
import type { RouteInfoManager } from "../routing/route_info_manager.ts";
import { type AddressOf, filterByZone, withAddresses } from "../routing/topic_route.ts";
import { type KVConfigManager, NAMESPACE_ORDER_TOPIC_CONFIG } from "./kv_config.ts";
import type { NamesrvSettings } from "./options.ts";

export interface RouteStyle {
  /** Quoted keys, for clients from 4.9.4 on; else as fastjson writes them. */
  readonly strict: boolean;
  /** Only brokers of this zone; written as fastjson does, whatever `strict` says, as with Apache. */
  readonly zoneName?: string | undefined;
  /** Addresses by peer. */
  readonly addressOf?: AddressOf | undefined;
}

/** Styles kept per topic: zones times groups of peers that are told the same address. */
const STYLES_PER_TOPIC_MAX = 16;

interface Kept {
  readonly route: TopicRouteData;
  readonly bytes: Map<string, Uint8Array>;
}

export class RouteAnswers {
  readonly #routes: RouteInfoManager;
  readonly #kvConfig: KVConfigManager;
  readonly #settings: Pick<NamesrvSettings, "orderMessageEnable" | "supportActingMaster">;
  readonly #kept = new Map<string, Kept>();
  #madeOf = "";

  constructor(
    routes: RouteInfoManager,
    kvConfig: KVConfigManager,
    settings: Pick<NamesrvSettings, "orderMessageEnable" | "supportActingMaster">,
  ) {
    this.#routes = routes;
    this.#kvConfig = kvConfig;
    this.#settings = settings;
  }

  /** The body of an answer; undefined when no broker offers the topic. Shared: not to be changed. */
  body(topic: string, style: RouteStyle): Uint8Array | undefined {
    this.#forgetWhenStale();
    let kept = this.#kept.get(topic);
    if (kept === undefined) {
      const route = this.#routes.pickUpRoute(topic);
      if (route === undefined) return undefined;
      if (this.#settings.orderMessageEnable) route.orderTopicConf = this.#kvConfig.get(NAMESPACE_ORDER_TOPIC_CONFIG, topic);
      kept = { route, bytes: new Map() };
      this.#kept.set(topic, kept);
    }
    const key = styleKey(kept.route, style);
    let bytes = kept.bytes.get(key);
    if (bytes === undefined) {
      bytes = encode(kept.route, style);
      if (kept.bytes.size >= STYLES_PER_TOPIC_MAX) kept.bytes.clear();
      kept.bytes.set(key, bytes);
    }
    return bytes;
  }

  #forgetWhenStale(): void {
    const { orderMessageEnable, supportActingMaster } = this.#settings;
    const madeOf = `${this.#routes.revision} ${this.#kvConfig.revision} ${orderMessageEnable} ${supportActingMaster}`;
    if (madeOf === this.#madeOf) return;
    this.#madeOf = madeOf;
    this.#kept.clear();
  }
}

function styleKey(route: TopicRouteData, { strict, zoneName, addressOf }: RouteStyle): string {
  let key = zoneName === undefined ? (strict ? "strict" : "fastjson") : `zone ${zoneName.toLowerCase()}`;
  if (addressOf === undefined) return key;
  for (const { brokerName, brokerAddrs } of route.brokerDatas) {
    for (const [id, registered] of brokerAddrs) {
      const address = addressOf(brokerName, id, registered);
      if (address !== registered) key += `\n${brokerName} ${id} ${address}`;
    }
  }
  return key;
}

function encode(route: TopicRouteData, { strict, zoneName, addressOf }: RouteStyle): Uint8Array {
  const told = addressOf === undefined ? route : withAddresses(route, addressOf);
  if (zoneName === undefined) return topicRouteData.encode(told, strict ? ROUTE_STRICT : undefined);
  return topicRouteData.encode(filterByZone(told, zoneName));
}
