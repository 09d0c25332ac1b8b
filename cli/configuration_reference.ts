/** `docs/configuration.md`, made from the option tables, so that it can't say anything else than the code. */
import { authOptions } from "../core/auth_options.ts";
import { brokerOptions } from "../core/broker/options.ts";
import { allowedText, fallbackOf, type Option, type OptionTable, type OptionValue } from "../core/config.ts";
import { namesrvOptions } from "../core/namesrv/options.ts";
import { nettyClientOptions, nettyServerOptions } from "../core/netty_options.ts";
import type { System } from "../core/runtime.ts";
import { storeOptions } from "../core/store/options.ts";

const HEAD = `# Configuration

<!-- Made by \`npm run docs\` from the option tables in core/: change those. -->

\`mqbroker -c broker.conf\` and \`mqnamesrv -c namesrv.conf\` read Apache RocketMQ's own files: Java properties with the keys and
defaults of version 5.5. The stand-alone server (\`npm start\`) reads \`data/broker.conf\` when it exists, or the file of \`-c\`.
\`-p\` prints every key with the value that the server would run with.

- A key that is known and not acted on is accepted with a warning that says why; so is a key that nobody knows, which
  may be a slip: the warning names the key that is near, as flushDiskType of flushDisktype.
- A value that Apache moves into its bounds is moved likewise, with a warning.
- A value that can't mean anything (a wrong type, port 99999, \`brokerRole=FOO\`) is an error that names key, value and what is
  allowed, and nothing starts.

From the environment: \`NAMESRV_ADDR\` is the default of namesrvAddr, \`ROCKETMQ_HOME\` of rocketmqHome (not required), and
\`ROCKETMQ_SERIALIZE_TYPE\` (JSON or ROCKETMQ) says how headers of requests of the server's own are written.

## Changes while running

\`mqadmin updateBrokerConfig\` and \`updateNamesrvConfig\` change the keys marked **at once** or **restart** below, and no others:
no key that can be changed reaches a path, a port, an address, a class or a command. \`restart\` means that the value is stored
and takes effect at the next start; the answer's remark says so. Any other key is answered NO_PERMISSION with its name, and
nothing of that request is changed. \`configBlackList\` takes further keys off the list. What was changed is written to the
server's own file (brokerConfigPath, configStorePath); the text before it stays beside it as \`.bak\`, comments stay in it.
`;

/** The whole document. */
export function configurationReference(): string {
  const own = (table: OptionTable, ...others: OptionTable[]) =>
    Object.entries(table).filter(([key, option]) => option.acted && !others.some((other) => Object.hasOwn(other, key)));
  const server = nettyServerOptions(0);
  const shared = [server, nettyClientOptions, authOptions];
  return [
    HEAD,
    section("Broker", own(brokerOptions, storeOptions, ...shared)),
    section("Store (in broker.conf)", own(storeOptions)),
    section("Nameserver", own(namesrvOptions, ...shared)),
    section("Ports and connections (broker.conf and namesrv.conf)", own({ ...nettyClientOptions, ...server })),
    "\n`listenPort` is 10911 for a broker, which also listens on listenPort - 2, and 9876 for a nameserver.\n",
    idleSection({ ...brokerOptions, ...namesrvOptions }),
  ].join("");
}

type Rows = readonly (readonly [string, Option<OptionValue>])[];

function section(title: string, rows: Rows): string {
  const lines = [...rows].sort(byKey).map(([key, option]) => {
    const cells = [`\`${key}\``, allowed(option), defaultText(option), changeText(option), option.doc];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  return `\n## ${title}\n\n| key | value | default | changes while running | |\n|---|---|---|---|---|\n${lines.join("\n")}\n`;
}

function idleSection(table: OptionTable): string {
  const byReason = new Map<string, string[]>();
  for (const [key, option] of Object.entries(table).sort(byKey)) {
    if (!option.acted) {
      byReason.set(option.doc, [...(byReason.get(option.doc) ?? []), key]);
    }
  }
  const parts = [...byReason]
    .sort(byKey)
    .map(([reason, keys]) => `\n${capital(reason)}: ${keys.map((key) => `\`${key}\``).join(", ")}.\n`);
  return `\n## Known, without effect\n${parts.join("")}`;
}

function allowed(option: Option<OptionValue>): string {
  const unbounded = (option.min ?? 0) <= -(2 ** 31) || (option.max ?? 0) >= 2 ** 31 - 1;
  if (!["int", "long", "double"].includes(option.kind)) {
    return allowedText(option);
  }
  if (option.clamp !== undefined) {
    return `clamped to ${option.clamp[0]}..${option.clamp[1]}`;
  }
  return unbounded
    ? `${option.kind}${(option.min ?? -1) >= 0 ? `, at least ${option.min}` : ""}`
    : `${option.min}..${option.max}`;
}

function defaultText(option: Option<OptionValue>): string {
  const value = fallbackOf(option, symbolicSystem);
  if (value === undefined || value === "") {
    return "";
  }
  return typeof option.fallback === "function" && typeof value === "number" ? "by number of cores" : `\`${value}\``;
}

function changeText({ change }: Option<OptionValue>): string {
  return { live: "at once", restart: "restart", never: "" }[change];
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : a > b ? 1 : 0);

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

/** A machine whose answers are their own names. */
const symbolicSystem: System = {
  pid: 0,
  hostName: () => "host name",
  interfaces: () => [],
  memory: () => ({ totalBytes: 0, residentBytes: 0 }),
  cpuCount: () => 1,
  environment: (name) => `$${name}`,
  homeDirectory: () => "~",
  utcOffsetMinutes: () => 0,
};
