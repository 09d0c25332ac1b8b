/**
 * The files of ACL 1.0, `conf/plain_acl.yml` and every `.yml` and `.yaml` below `conf/acl/`: accounts with their secret,
 * white addresses and permissions by name. Read here, for checks (`plain_access.ts`) and for bringing accounts over into users
 * of ACL 2.0; never written.
 *
 * Keys and rules are those of Apache's acl module (4.9.8 to 5.3.2): an unknown key, a short secret or a bad address makes
 * the whole load fail, so that a slip of the pen opens nothing.
 */
import { parse } from "yaml";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { ConfigError } from "../config.ts";
import type { Files } from "../runtime.ts";
import { AddressSet } from "./white_addresses.ts";

/** Bits of a permission. DENY stands for itself: it fails even where any other would do. */
export const DENY = 1;
export const PUB = 4;
export const SUB = 8;

export interface PlainAccount {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Neither signature nor permission is asked for from there. */
  readonly whiteAddresses: AddressSet;
  readonly admin: boolean;
  readonly defaultTopicPerm: number;
  readonly defaultGroupPerm: number;
  /** Bits by topic. */
  readonly topicPerms: ReadonlyMap<string, number>;
  readonly groupPerms: ReadonlyMap<string, number>;
}

export interface PlainAcl {
  /** By access key; of several with one key the first counts. */
  readonly accounts: ReadonlyMap<string, PlainAccount>;
  readonly whiteAddresses: AddressSet;
  /** Files that were read, and when each was changed: another value means that something is new. */
  readonly version: string;
  /** Access keys that stand more than once. */
  readonly ignored: readonly string[];
}

/** A file is a page or two; a YAML parser given a gigabyte takes the whole server down. */
const FILE_BYTES_MAX = 4 * 1024 * 1024;
const FILES_MAX = 1_000;
const SECRET_LENGTH_MIN = 7;

/** Directory that holds `conf/`. @throws ConfigError when a key that needs it is on without it */
export function homeOf(key: string, rocketmqHome: string | undefined): string {
  if (rocketmqHome !== undefined) return rocketmqHome;
  throw new ConfigError([
    `${key}=true needs rocketmqHome (or the variable ROCKETMQ_HOME): conf/plain_acl.yml and conf/acl are read below it`,
  ]);
}

/** Files in the order in which they count, the directory first, with their times: what `PlainAcl.version` is made of. */
export function plainAclVersion(files: Files, home: string): string {
  return pathsOf(files, home)
    .map((path) => `${path} ${files.stat(path)?.modifiedMs ?? 0} ${files.stat(path)?.size ?? 0}`)
    .join("\n");
}

/** @throws Error naming the file and what is wrong with it; secrets are not quoted */
export function loadPlainAcl(files: Files, home: string): PlainAcl {
  const version = plainAclVersion(files, home);
  const accounts = new Map<string, PlainAccount>();
  const addresses: string[] = [];
  const ignored: string[] = [];
  for (const path of pathsOf(files, home)) {
    const bytes = files.read(path);
    if (bytes === undefined) continue;
    try {
      if (bytes.length > FILE_BYTES_MAX) throw new Error(`it has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are read`);
      const document = documentOf(decodeUtf8(bytes));
      addresses.push(...document.addresses);
      for (const account of document.accounts) {
        if (accounts.has(account.accessKey)) ignored.push(account.accessKey);
        else accounts.set(account.accessKey, account);
      }
    } catch (fault) {
      throw new Error(`"${path}" can't be used: ${(fault as Error).message}`);
    }
  }
  return { accounts, whiteAddresses: new AddressSet(addresses), version, ignored };
}

function pathsOf(files: Files, home: string): string[] {
  const found: string[] = [];
  const walk = (directory: string, depth: number): void => {
    for (const name of files.list(directory)) {
      const path = `${directory}/${name}`;
      if (files.stat(path)?.kind === "directory") {
        if (depth < 8) walk(path, depth + 1);
      } else if (/\.ya?ml$/.test(name) && found.length < FILES_MAX) found.push(path);
    }
  };
  walk(`${home}/conf/acl`, 0);
  const main = `${home}/conf/plain_acl.yml`;
  return files.exists(main) ? [...found, main] : found;
}

// ------------------------------------------------------------------------------------------------------------ one file

type Members = Readonly<Record<string, unknown>>;

function documentOf(text: string): { addresses: string[]; accounts: PlainAccount[] } {
  let value: unknown;
  try {
    // Aliases are bounded by the parser itself (maxAliasCount 100). Its messages quote the file, so only the place is passed on.
    value = parse(text, { logLevel: "error" });
  } catch (error) {
    const line = (error as { linePos?: readonly { line: number }[] }).linePos?.[0]?.line;
    throw new Error(`it is no YAML${line === undefined ? "" : ` from line ${line} on`}`);
  }
  if (value === null || value === undefined) return { addresses: [], accounts: [] };
  const document = membersOf(value, "the file", ["globalWhiteRemoteAddresses", "accounts", "dataVersion"]);
  return {
    addresses: textsOf(document["globalWhiteRemoteAddresses"], "globalWhiteRemoteAddresses"),
    accounts: listOf(document["accounts"], "accounts").map(accountOf),
  };
}

const ACCOUNT_KEYS = [
  "accessKey",
  "secretKey",
  "whiteRemoteAddress",
  "admin",
  "defaultTopicPerm",
  "defaultGroupPerm",
  "topicPerms",
  "groupPerms",
];

function accountOf(value: unknown, index: number): PlainAccount {
  const account = membersOf(value, `accounts[${index}]`, ACCOUNT_KEYS);
  const accessKey = textOf(account["accessKey"]) ?? "";
  const secretKey = textOf(account["secretKey"]) ?? "";
  if (accessKey.length < SECRET_LENGTH_MIN || secretKey.length < SECRET_LENGTH_MIN) {
    throw new Error(`the accessKey ("${accessKey}") and secretKey of accounts[${index}] must both be longer than 6 characters`);
  }
  const white = textOf(account["whiteRemoteAddress"]) ?? "";
  return {
    accessKey,
    secretKey,
    whiteAddresses: new AddressSet(white.trim() === "" ? [] : [white]),
    admin: account["admin"] === true,
    defaultTopicPerm: permOf(textOf(account["defaultTopicPerm"])),
    defaultGroupPerm: permOf(textOf(account["defaultGroupPerm"])),
    topicPerms: permsOf(account["topicPerms"], "topic"),
    groupPerms: permsOf(account["groupPerms"], "group"),
  };
}

/** Any other text is DENY. */
function permOf(text: string | undefined): number {
  switch (text?.trim()) {
    case "PUB":
      return PUB;
    case "SUB":
      return SUB;
    case "PUB|SUB":
    case "SUB|PUB":
      return PUB | SUB;
    default:
      return DENY;
  }
}

function permsOf(value: unknown, kind: "topic" | "group"): Map<string, number> {
  const perms = new Map<string, number>();
  for (const text of textsOf(value, `${kind}Perms`)) {
    const [name, perm, ...rest] = text.split("=");
    if (name === undefined || perm === undefined || rest.length > 0) {
      throw new Error(`Parse resource permission failed for ${kind}:${text}`);
    }
    perms.set(name.trim(), permOf(perm));
  }
  return perms;
}

function membersOf(value: unknown, what: string, keys: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} is no map of keys`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) throw new Error(`${what} has the unknown key "${unknownKey}"; known are ${keys.join(", ")}`);
  return value as Members;
}

function listOf(value: unknown, what: string): readonly unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
}

/** A number or a boolean that YAML sees in a key without quotes is the text it was written as, or nearly: 12345678 is a key too. */
function textOf(value: unknown): string | undefined {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

function textsOf(value: unknown, what: string): string[] {
  return listOf(value, what).map((item) => {
    const text = textOf(item);
    if (text === undefined) throw new Error(`${what} holds something that is no text`);
    return text;
  });
}
