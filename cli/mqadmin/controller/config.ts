/** getControllerConfig, updateControllerConfig. */
import { command, required } from "../declaration.ts";
import { format } from "../format.ts";

const ADDRESSES = required("a", "Controller address list, eg: 192.168.0.1:9878;192.168.0.2:9878");

const addressesOf = (text: string): string[] =>
  text
    .split(";")
    .map((each) => each.trim())
    .filter((each) => each !== "");

export const getControllerConfig = command({
  name: "getControllerConfig",
  package: "controller",
  description: "Get controller config.",
  options: { controllerAddress: ADDRESSES },
  example: "-a 127.0.0.1:9878",
  async run(context, { controllerAddress }) {
    const found = await context.admin.controllers.getControllerConfig(addressesOf(controllerAddress));
    for (const [address, properties] of found) {
      context.print(`============${address}============`);
      for (const [key, value] of properties) context.print(format("%-50s=  %s", key, value));
    }
    return found;
  },
});

export const updateControllerConfig = command({
  name: "updateControllerConfig",
  package: "controller",
  description: "Update controller config.",
  options: { controllerAddress: ADDRESSES, key: required("k", "config key"), value: required("v", "config value") },
  example: "-a 127.0.0.1:9878 -k notifyBrokerRoleChanged -v true",
  async run(context, { controllerAddress, key, value }) {
    const addresses = addressesOf(controllerAddress);
    await context.admin.controllers.updateControllerConfig({ [key]: value }, addresses);
    context.print(`update controller config success![${addresses.join(", ")}]`);
    context.print(`${key} : ${value}`);
    return addresses;
  },
});
