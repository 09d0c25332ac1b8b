/**
 * UPDATE_BROKER_CONFIG and GET_BROKER_CONFIG, by the allow-list of `../../config_update.ts`, and SET_COMMITLOG_READ_MODE. That
 * one is Apache's madvise on the mapped files of the log; here it says whether old messages are read with what surrounds them.
 */
import { type DataVersion, dataVersion } from "../../../wire/bodies/topic.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { endpointText } from "../../remoting/connection.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import { nextVersion } from "../metadata/versions.ts";
import type { AdminParts } from "./admin_parts.ts";

type ConfigProcessors = Pick<ProcessorMap<"broker">, "UPDATE_BROKER_CONFIG" | "GET_BROKER_CONFIG" | "SET_COMMITLOG_READ_MODE">;

/** Apache's names of what it tells the kernel: MADV_NORMAL and MADV_RANDOM. */
const READ_MODES = { normal: 0, random: 1 };

export function configProcessors(parts: AdminParts): ConfigProcessors {
  const { configuration, topics, runtime, log } = parts;
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

    SET_COMMITLOG_READ_MODE({ extFields, peer }) {
      const mode = readModeOf(extFields["READ_AHEAD_MODE"], Object.keys(extFields).length === 0);
      configuration.set("dataReadAheadEnable", mode === READ_MODES.normal);
      log.info("read-ahead of the commit log was set", { mode, remote: endpointText(peer.remote) });
      return { remark: `set commitlog readahead mode success, mode: ${mode}` };
    },
  };
}

/** @throws RemotingError in Apache's words */
function readModeOf(text: string | undefined, noFields: boolean): number {
  if (noFields) throw new RemotingError(ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode param error");
  // What Integer.parseInt takes.
  if (text === undefined || !/^[+-]?\d{1,10}$/.test(text) || Math.abs(Number(text)) > 0x7fff_ffff) {
    throw new RemotingError(ResponseCode.SYSTEM_ERROR, "set commitlog readahead mode failed");
  }
  const mode = Number(text);
  if (mode === READ_MODES.normal || mode === READ_MODES.random) return mode;
  throw new RemotingError(ResponseCode.INVALID_PARAMETER, "set commitlog readahead mode param value error");
}
