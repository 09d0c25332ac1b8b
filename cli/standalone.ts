/**
 * Nameserver and broker in one process: what `npm start` runs. Listens on 127.0.0.1 until told otherwise, since whoever
 * reaches the ports may do everything; keeps all data below one directory.
 */
import type { LogLevel } from "../adapters/shared/log.ts";
import { Broker } from "../core/broker/broker.ts";
import { NameServer } from "../core/namesrv/namesrv.ts";
import { serializeTypeOf } from "../core/start_options.ts";
import { parsedArguments, type StandaloneArguments, standaloneCommand } from "./arguments.ts";
import { loadBrokerSettings, loadNamesrvSettings, printedBroker } from "./configuration.ts";
import { print } from "./host.ts";
import { addressText, brokerReadyLine, namesrvReadyLine, portLine } from "./ready.ts";
import { type Running, type Serving, serve } from "./serve.ts";

const args = parsedArguments<StandaloneArguments & { logLevel: LogLevel }>(standaloneCommand());

await serve(
  { port: "--namesrv-port and --broker-port (the VIP port is two below it)", directory: "--data", address: "--listen" },
  args.logLevel,
  (serving) => start(serving),
);

async function start({ runtime, log, follow }: Serving): Promise<Running | undefined> {
  const brokerConf = `${args.data}/broker.conf`;
  const file = args.configFile ?? (runtime.files.exists(brokerConf) ? brokerConf : undefined);
  const broker = loadBrokerSettings(runtime, {
    file,
    defaults: new Map([
      ["brokerName", "broker-a"],
      ["bindAddress", "127.0.0.1"],
      ["storePathRootDir", `${args.data}/store`],
      ["brokerConfigPath", brokerConf],
      // Clients' NAMESRV_ADDR names this very server: the broker needs no second way to it.
      ["namesrvAddr", ""],
    ]),
    overrides: given({ bindAddress: args.listen, listenPort: args.brokerPort }),
  });
  if (args.printConfigItem === true || args.printImportantConfig === true) {
    print(printedBroker(broker.settings, args.printConfigItem !== true));
    return undefined;
  }
  const namesrvConf = `${args.data}/namesrv/namesrv.properties`;
  const namesrv = loadNamesrvSettings(runtime, {
    file: runtime.files.exists(namesrvConf) ? namesrvConf : undefined,
    defaults: new Map([
      ["kvConfigPath", `${args.data}/namesrv/kvConfig.json`],
      ["configStorePath", namesrvConf],
    ]),
    overrides: given({ bindAddress: broker.settings.bindAddress, listenPort: args.namesrvPort }),
  });
  follow(broker.settings);
  for (const warning of [...broker.warnings, ...namesrv.warnings]) {
    log.warn(warning);
  }
  const serializeType = serializeTypeOf(runtime.system);
  const nameServer = new NameServer({
    runtime,
    log,
    settings: namesrv.settings,
    listen: [{ host: namesrv.settings.bindAddress, port: namesrv.settings.listenPort }],
    serializeType,
  });
  const server = new Broker({ runtime, log, settings: broker.settings, nameServer, serializeType });
  await nameServer.start();
  try {
    const { listening, advertised, brokerName } = await server.start();
    const [namesrvAddress, brokerAddress] = [nameServer.addresses[0]!, listening[0]!];
    print(portLine("Nameserver", namesrvAddress));
    for (const port of listening) {
      print(portLine(port.fastPort ? "Broker, VIP port" : "Broker", port));
    }
    for (const sentence of advertised) {
      print(`Advertised: ${sentence}`);
    }
    print(namesrvReadyLine(serializeType, namesrvAddress));
    print(brokerReadyLine(serializeType, brokerName, addressText(brokerAddress), addressText(namesrvAddress)));
  } catch (fault) {
    await nameServer.stop();
    throw fault;
  }
  return {
    async stop() {
      await server.stop();
      await nameServer.stop();
    },
  };
}

function given(values: Readonly<Record<string, string | undefined>>): Map<string, string> {
  return new Map(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
