/**
 * Accounts of ACL 1.0 as administrators change them (codes 50 to 53; mqadmin updateAclConfig, deleteAclConfig,
 * clusterAclConfigVersion, updateGlobalWhiteAddr of 4.x to 5.3.2). Codes and words are Apache 5.3.2's. While aclEnable is off they
 * are answered as by 5.5.0, which does not know them.
 */
import { type DataVersion, dataVersion } from "../../../wire/bodies/topic.ts";
import { REQUESTS, type RequestName } from "../../../wire/requests.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import type { PlainAccess } from "../../auth/plain_access.ts";
import { endpointText } from "../../remoting/connection.ts";
import { type ProcessorMap, RemotingError } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";

type PlainAclRequest =
  | "UPDATE_AND_CREATE_ACL_CONFIG"
  | "DELETE_ACL_CONFIG"
  | "GET_BROKER_CLUSTER_ACL_INFO"
  | "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG";

/** Response codes of 5.3.2 that mean something else since. */
const FAILED = {
  UPDATE_AND_CREATE_ACL_CONFIG: 209,
  DELETE_ACL_CONFIG: 210,
  UPDATE_GLOBAL_WHITE_ADDRS_CONFIG: 211,
};

export function plainAclProcessors({
  plainAccess,
  settings,
  log,
  registeredAddress,
  bootTimestamp,
}: Pick<AdminParts, "plainAccess" | "settings" | "log" | "registeredAddress" | "bootTimestamp">): Pick<
  ProcessorMap<"broker">,
  PlainAclRequest
> {
  const enabled = (request: PlainAclRequest): PlainAccess => {
    if (plainAccess !== undefined) return plainAccess;
    const { code } = REQUESTS[request satisfies RequestName];
    throw new RemotingError(
      ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
      ` request type ${code} not supported: ${request} is of ACL 1.0, and aclEnable is off`,
    );
  };

  const attempt = <T>(request: keyof typeof FAILED, action: () => T): T => {
    try {
      return action();
    } catch (fault) {
      log.warn("the accounts of ACL 1.0 were not changed", { request, reason: (fault as Error).message });
      throw new RemotingError(FAILED[request], (fault as Error).message);
    }
  };

  return {
    UPDATE_AND_CREATE_ACL_CONFIG({ peer }, { header }) {
      const access = enabled("UPDATE_AND_CREATE_ACL_CONFIG");
      const change = { ...header, topicPerms: listed(header.topicPerms), groupPerms: listed(header.groupPerms) };
      attempt("UPDATE_AND_CREATE_ACL_CONFIG", () => access.putAccount(change));
      const { accessKey = "", admin } = header;
      log.info("an account of ACL 1.0 was put", { accessKey, admin, remote: endpointText(peer.remote) });
      return {};
    },

    DELETE_ACL_CONFIG({ peer }, { header: { accessKey = "null" } }) {
      const access = enabled("DELETE_ACL_CONFIG");
      if (!attempt("DELETE_ACL_CONFIG", () => access.deleteAccount(accessKey))) {
        const words = `The accessKey[${accessKey}] corresponding to accessConfig has been deleted failed.`;
        throw new RemotingError(FAILED.DELETE_ACL_CONFIG, words);
      }
      log.info("an account of ACL 1.0 was deleted", { accessKey, remote: endpointText(peer.remote) });
      return {};
    },

    UPDATE_GLOBAL_WHITE_ADDRS_CONFIG({ peer }, { header: { globalWhiteAddrs, aclFileFullPath = "" } }) {
      const access = enabled("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG");
      const addresses = listed(globalWhiteAddrs) ?? [];
      if (!attempt("UPDATE_GLOBAL_WHITE_ADDRS_CONFIG", () => access.setGlobalWhiteAddresses(addresses, aclFileFullPath))) {
        const words = `The globalWhiteAddresses[${globalWhiteAddrs}] has been updated failed.`;
        throw new RemotingError(FAILED.UPDATE_GLOBAL_WHITE_ADDRS_CONFIG, words);
      }
      log.info("the white addresses of ACL 1.0 were set", { addresses: addresses.join(), remote: endpointText(peer.remote) });
      return {};
    },

    GET_BROKER_CLUSTER_ACL_INFO() {
      const { main, files } = enabled("GET_BROKER_CLUSTER_ACL_INFO").versions();
      const none: DataVersion = { stateVersion: 0, timestamp: bootTimestamp, counter: 0 };
      const header = {
        version: dataVersion.format(main ?? none),
        // Apache 5.3.2 forgets it, and its mqadmin fails for want of it.
        allAclFileVersion: `{${[...files].map(([path, version]) => `${JSON.stringify(path)}:${dataVersion.format(version)}`).join()}}`,
        brokerName: settings.brokerName,
        brokerAddr: registeredAddress(),
        clusterName: settings.brokerClusterName,
      };
      return { header };
    },
  };
}

/** Parts between commas; a comma between braces is none of those: `10.0.0.{1,2}`. Undefined: not given. */
function listed(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  return text.split(/,(?![^{}]*\})/).filter((part) => part.trim() !== "");
}
