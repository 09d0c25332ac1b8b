/**
 * What stands between a parsed file and a started role: values that follow from others, and from the environment.
 */
import { SERIALIZE_JSON, SERIALIZE_NAMES, type SerializeType } from "../wire/remoting_command.ts";
import type { BrokerSettings } from "./broker/options.ts";
import { adjustSettings, ConfigError, type OptionsOf } from "./config.ts";
import type { System } from "./runtime.ts";

/** What Apache's BrokerStartup sets from other keys. Returns warnings about values that it overrides. */
export function deriveBrokerSettings(settings: BrokerSettings): string[] {
  const warnings: string[] = [];
  if (settings.brokerId !== 0) {
    warnings.push(`brokerId=${settings.brokerId}: 0 is used, as in Apache, since brokerRole=${settings.brokerRole} is a master`);
    adjustSettings<OptionsOf<BrokerSettings>>(settings, { brokerId: 0 });
  }
  // Port 0 is a free one, known later: then there is no neighbour to reserve.
  if (settings.haListenPort <= 0 && settings.listenPort > 0) {
    adjustSettings<OptionsOf<BrokerSettings>>(settings, { haListenPort: Math.min(settings.listenPort + 1, 65535) });
  }
  return warnings;
}

/**
 * How this server writes the headers of requests of its own: ROCKETMQ_SERIALIZE_TYPE, `JSON` when it is not set. Answers
 * come in the form of the request. Throws ConfigError for another value, as Apache does.
 */
export function serializeTypeOf(system: System): SerializeType {
  const given = system.environment("ROCKETMQ_SERIALIZE_TYPE")?.trim() ?? "";
  if (given === "") {
    return SERIALIZE_JSON;
  }
  const index = (SERIALIZE_NAMES as readonly string[]).indexOf(given);
  if (index < 0) {
    throw new ConfigError([`ROCKETMQ_SERIALIZE_TYPE=${given} can't be used: allowed is one of ${SERIALIZE_NAMES.join(", ")}`]);
  }
  return index as SerializeType;
}
