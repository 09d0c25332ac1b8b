/** UPDATE_BROKER_CONFIG and GET_BROKER_CONFIG: by the allow-list of `../../config_update.ts`. */
import { type DataVersion, dataVersion } from "../../../wire/bodies/topic.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { endpointText } from "../../remoting/connection.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { nextVersion } from "../metadata/versions.ts";
import type { AdminParts } from "./admin_parts.ts";

export function configProcessors(parts: AdminParts): Pick<ProcessorMap<"broker">, "UPDATE_BROKER_CONFIG" | "GET_BROKER_CONFIG"> {
  const { configuration, topics, runtime } = parts;
  let version: DataVersion = { stateVersion: 0, timestamp: parts.bootTimestamp, counter: 0 };
  return {
    UPDATE_BROKER_CONFIG(context, { body }) {
      if (body.length === 0) return {};
      const outcome = configuration.update(body, endpointText(context.peer.remote));
      if (!outcome.ok) throw new RemotingError(outcome.code, outcome.remark);
      version = nextVersion(version, runtime.clock.now());
      if (outcome.changed.has("autoCreateTopicEnable")) topics.ensureSystemTopics();
      if (outcome.changed.has("brokerPermission")) {
        topics.touch();
        parts.registerAll();
      }
      return { remark: outcome.remark };
    },

    GET_BROKER_CONFIG() {
      return { header: { version: dataVersion.format(version) }, body: encodeUtf8(configuration.print()) };
    },
  };
}
