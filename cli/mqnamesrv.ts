/** `mqnamesrv`: a nameserver, as Apache's command of that name. */
import { NameServer } from "../core/namesrv/namesrv.ts";
import { serializeTypeOf } from "../core/start_options.ts";
import { parsedArguments, type ServerArguments, serverCommand } from "./arguments.ts";
import { loadNamesrvSettings, printedNamesrv } from "./configuration.ts";
import { print } from "./host.ts";
import { namesrvReadyLine } from "./ready.ts";
import { serve } from "./serve.ts";

const args = parsedArguments<ServerArguments>(serverCommand("mqnamesrv"));
const file = args.configFile ?? "the file of -c";

await serve(
  { port: `listenPort in ${file}`, directory: `kvConfigPath and configStorePath in ${file}`, address: `bindAddress in ${file}` },
  args.logLevel,
  async ({ runtime, log, follow }) => {
    const { settings, warnings } = loadNamesrvSettings(runtime, { file: args.configFile, overrides: new Map() });
    if (args.printConfigItem === true) {
      print(printedNamesrv(settings));
      return undefined;
    }
    follow(settings);
    if (args.namesrvAddr !== undefined) {
      log.warn("a nameserver asks no other: -n is for brokers and clients, and does nothing here", { given: args.namesrvAddr });
    }
    for (const warning of warnings) {
      log.warn(warning);
    }
    const serializeType = serializeTypeOf(runtime.system);
    const listen = [{ host: settings.bindAddress, port: settings.listenPort }];
    const server = new NameServer({ runtime, log, settings, listen, serializeType });
    await server.start();
    print(namesrvReadyLine(serializeType, server.addresses[0]!));
    return server;
  },
);
