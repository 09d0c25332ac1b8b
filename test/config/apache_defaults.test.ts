import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { brokerOptions } from "../../core/broker/options.ts";
import { defaultSettings, type OptionTable, type OptionValue } from "../../core/config.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { fakeSystem } from "./fakes.ts";

/** Where a default differs from the field's initial value, and why. */
const DIFFERENT: Readonly<Record<string, string>> = {
  listenPort: "Apache's start-up sets 10911 and 9876",
  haListenPort: "Apache's start-up sets 0, then listenPort + 1",
  brokerIP1: "not set means the address of the client's connection, or the first interface",
  brokerIP2: "replication's; not set",
};

const FILES: Readonly<Record<string, readonly [string, OptionTable][]>> = {
  BrokerConfig: [["broker.conf", brokerOptions]],
  MessageStoreConfig: [["broker.conf", brokerOptions]],
  NamesrvConfig: [["namesrv.conf", namesrvOptions]],
  NettyServerConfig: [
    ["broker.conf", brokerOptions],
    ["namesrv.conf", namesrvOptions],
  ],
  NettyClientConfig: [
    ["broker.conf", brokerOptions],
    ["namesrv.conf", namesrvOptions],
  ],
  AuthConfig: [
    ["broker.conf", brokerOptions],
    ["namesrv.conf", namesrvOptions],
  ],
  ControllerConfig: [["namesrv.conf", namesrvOptions]],
  JraftConfig: [["namesrv.conf", namesrvOptions]],
};

interface Field {
  readonly key: string;
  readonly type: string;
  readonly value: string;
}

const classes = new Map<string, Field[]>();
let fields: Field[] = [];
for (const line of readFileSync(new URL("./apache_defaults.txt", import.meta.url), "utf8")
  .split("\n")
  .slice(3)) {
  const [key = "", type = "", ...value] = line.split(" ");
  if (key === "#") {
    fields = [];
    classes.set(type, fields);
  } else if (key !== "") {
    fields.push({ key, type, value: value.join(" ") });
  }
}

const KINDS: Readonly<Record<string, string>> = {
  String: "string",
  int: "int",
  long: "long",
  boolean: "boolean",
  double: "double",
};

describe.each([...classes])("Apache's %s", (name, known) => {
  test.each(FILES[name] as [string, OptionTable][])("each key is known in %s, with its type and default", (_file, table) => {
    const defaults = defaultSettings(table, fakeSystem()) as Readonly<Record<string, OptionValue>>;
    const wrong: string[] = [];
    for (const { key, type, value } of known) {
      const option = table[key];
      if (option === undefined) {
        wrong.push(`${key} is not known`);
        continue;
      }
      const kind = option.kind === "choice" ? "string" : option.kind;
      if ((KINDS[type] ?? "string") !== kind) wrong.push(`${key} is a ${type}, not ${kind}`);
      const shared = (name === "ControllerConfig" && key in OWN_OF_NAMESRV) || key in DIFFERENT;
      const ours = String(defaults[key] ?? "null");
      if (!shared && ours !== (type === "double" ? String(Number(value)) : value)) wrong.push(`${key} is ${ours}, not ${value}`);
    }
    expect(wrong).toEqual([]);
  });
});

/** Keys that nameserver and controller share; the nameserver's own default stands in its file. */
const OWN_OF_NAMESRV = { rocketmqHome: 1, configStorePath: 1, configBlackList: 1, scanNotActiveBrokerInterval: 1 };
