/** getNamesrvConfig, updateNamesrvConfig. */
import { formatProperties, parseProperties } from "../../../core/properties.ts";
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { command, required } from "../declaration.ts";
import { format } from "../format.ts";

export const getNamesrvConfig = command({
  name: "getNamesrvConfig",
  package: "namesrv",
  description: "Get configs of name server.",
  options: {},
  example: "-n 127.0.0.1:9876",
  async run(context) {
    const configs = new Map<string, Map<string, string>>();
    for (const address of context.namesrvAddrs) {
      const config = parseProperties((await context.call(address, "GET_NAMESRV_CONFIG", {})).body);
      configs.set(address, config);
      context.print(`============${address}============`);
      for (const [key, value] of config) context.print(format("%-50s=  %s", key, value));
    }
    return configs;
  },
});

export const updateNamesrvConfig = command({
  name: "updateNamesrvConfig",
  package: "namesrv",
  description: "Update configs of name server.",
  options: { key: required("k", "config key"), value: required("v", "config value") },
  example: "-n 127.0.0.1:9876 -k deleteTopicWithBrokerRegistration -v true",
  async run(context, { key, value }) {
    const body = encodeUtf8(formatProperties([[key, value]]));
    for (const address of context.namesrvAddrs) await context.call(address, "UPDATE_NAMESRV_CONFIG", {}, body);
    context.print(`update name server config success![${context.namesrvAddrs.join(", ")}]`);
    context.print(`${key} : ${value}`);
    return { key, value, nameservers: context.namesrvAddrs };
  },
});
