/** `mqbroker`: a broker with nameservers elsewhere, as Apache's command of that name. */
import { Broker } from "../core/broker/broker.ts";
import { serializeTypeOf } from "../core/start_options.ts";
import { parsedArguments, type ServerArguments, serverCommand } from "./arguments.ts";
import { loadBrokerSettings, printedBroker } from "./configuration.ts";
import { print } from "./host.ts";
import { brokerReadyLine, portLine } from "./ready.ts";
import { serve } from "./serve.ts";

const args = parsedArguments<ServerArguments>(serverCommand("mqbroker"));
const file = args.configFile ?? "the file of -c";

await serve(
  {
    port: `listenPort in ${file} (the VIP port is two below it)`,
    directory: `storePathRootDir in ${file}`,
    address: `bindAddress in ${file}`,
  },
  args.logLevel,
  async ({ runtime, log, follow }) => {
    const overrides = new Map(args.namesrvAddr === undefined ? [] : [["namesrvAddr", args.namesrvAddr]]);
    const { settings, warnings } = loadBrokerSettings(runtime, { file: args.configFile, overrides });
    if (args.printConfigItem === true || args.printImportantConfig === true) {
      print(printedBroker(settings, args.printConfigItem !== true));
      return undefined;
    }
    follow(settings);
    for (const warning of warnings) {
      log.warn(warning);
    }
    if (settings.namesrvAddr === undefined) {
      log.warn("no nameserver: clients can't find this broker; set namesrvAddr, -n or NAMESRV_ADDR");
    }
    const serializeType = serializeTypeOf(runtime.system);
    const broker = new Broker({ runtime, log, settings, serializeType });
    const { brokerName, registeredAddress, listening, advertised } = await broker.start();
    for (const port of listening) {
      print(portLine(port.fastPort ? "Broker, VIP port" : "Broker", port));
    }
    for (const sentence of advertised) {
      print(`Advertised: ${sentence}`);
    }
    print(brokerReadyLine(serializeType, brokerName, registeredAddress, settings.namesrvAddr));
    return broker;
  },
);
