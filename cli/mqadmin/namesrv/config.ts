/** getNamesrvConfig, updateNamesrvConfig. */
import { command, required } from "../declaration.ts";
import { format } from "../format.ts";

export const getNamesrvConfig = command({
  name: "getNamesrvConfig",
  package: "namesrv",
  description: "Get configs of name server.",
  options: {},
  example: "-n 127.0.0.1:9876",
  async run(context) {
    const configs = await context.admin.nameServers.getNameServerConfig();
    for (const [address, config] of configs) {
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
    await context.admin.nameServers.updateNameServerConfig({ [key]: value });
    context.print(`update name server config success![${context.namesrvAddrs.join(", ")}]`);
    context.print(`${key} : ${value}`);
    return { key, value, nameservers: context.namesrvAddrs };
  },
});
