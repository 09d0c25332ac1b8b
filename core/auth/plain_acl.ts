/**
 * The files of ACL 1.0, `conf/plain_acl.yml` and every `.yml` and `.yaml` below `conf/acl/`: accounts with their secret,
 * white addresses and permissions by name. Read here, for checks (`plain_access.ts`) and for bringing accounts over into users
 * of ACL 2.0; changed in `plain_acl_changes.ts`.
 *
 * Keys and rules are those of Apache's acl module (4.9.8 to 5.3.2): an unknown key, a short secret or a bad address makes
 * the whole load fail, so that a slip of the pen opens nothing.
 */
import { type DataVersion, noDataVersion } from "../../wire/bodies/topic.ts";
import { RETRY_PREFIX } from "../../wire/mix_all.ts";
import { ConfigError } from "../config.ts";
import type { Files } from "../runtime.ts";
import { type PlainAccountText, readPlainAclFile } from "./plain_acl_file.ts";
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
  /** Path of the file that holds the account, by access key. */
  readonly fileOf: ReadonlyMap<string, string>;
  readonly whiteAddresses: AddressSet;
  /** Changes of each file by admin codes, by path. */
  readonly dataVersions: ReadonlyMap<string, DataVersion>;
  /** Files that were read, and when each was changed: another value means that something is new. */
  readonly version: string;
  /** Access keys that stand more than once. */
  readonly ignored: readonly string[];
}

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
  return plainAclPaths(files, home)
    .map((path) => `${path} ${files.stat(path)?.modifiedMs ?? 0} ${files.stat(path)?.size ?? 0}`)
    .join("\n");
}

/** @throws Error naming the file and what is wrong with it; secrets are not quoted */
export function loadPlainAcl(files: Files, home: string): PlainAcl {
  const version = plainAclVersion(files, home);
  const accounts = new Map<string, PlainAccount>();
  const fileOf = new Map<string, string>();
  const dataVersions = new Map<string, DataVersion>();
  const addresses: string[] = [];
  const ignored: string[] = [];
  for (const path of plainAclPaths(files, home)) {
    const bytes = files.read(path);
    if (bytes === undefined) continue;
    try {
      const file = readPlainAclFile(bytes);
      addresses.push(...file.globalWhiteRemoteAddresses);
      dataVersions.set(path, file.dataVersion ?? noDataVersion());
      for (const [index, text] of file.accounts.entries()) {
        const account = plainAccountOf(text, `of accounts[${index}]`);
        if (accounts.has(account.accessKey)) ignored.push(account.accessKey);
        else {
          accounts.set(account.accessKey, account);
          fileOf.set(account.accessKey, path);
        }
      }
    } catch (fault) {
      throw new Error(`"${path}" can't be used: ${(fault as Error).message}`);
    }
  }
  return { accounts, fileOf, dataVersions, whiteAddresses: new AddressSet(addresses), version, ignored };
}

/** The file that is read last, and gets new accounts. */
export const mainPlainAclPath = (home: string): string => `${home}/conf/plain_acl.yml`;

/** Every file that is read, in the order in which they count. */
export function plainAclPaths(files: Files, home: string): string[] {
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
  const main = mainPlainAclPath(home);
  return files.exists(main) ? [...found, main] : found;
}

// ------------------------------------------------------------------------------------------------------------ one account

/** @param which of several, for errors. @throws Error saying what is wrong; the secret is not quoted */
export function plainAccountOf(text: PlainAccountText, which: string): PlainAccount {
  const { accessKey = "", secretKey = "", whiteRemoteAddress = "", admin } = text;
  if (accessKey.length < SECRET_LENGTH_MIN || secretKey.length < SECRET_LENGTH_MIN) {
    throw new Error(`the accessKey ("${accessKey}") and secretKey ${which} must both be longer than 6 characters`);
  }
  const topicPerms = permsOf(text.topicPerms, "topic");
  const groupPerms = permsOf(text.groupPerms, "group");
  // Both are one table in Apache, where a group stands as its retry topic; topics are read last.
  for (const [name, perm] of topicPerms) {
    if (!name.startsWith(RETRY_PREFIX)) continue;
    topicPerms.delete(name);
    groupPerms.set(name.slice(RETRY_PREFIX.length), perm);
  }
  return {
    accessKey,
    secretKey,
    whiteAddresses: new AddressSet(whiteRemoteAddress.trim() === "" ? [] : [whiteRemoteAddress]),
    admin,
    defaultTopicPerm: permOf(text.defaultTopicPerm),
    defaultGroupPerm: permOf(text.defaultGroupPerm),
    topicPerms,
    groupPerms,
  };
}

/** Any other text is DENY. */
export function permOf(text: string | undefined): number {
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

/** `name=PERM` in its two parts; as in Apache several `=` count as one, and those at the ends not at all. */
export const partsOfPerm = (text: string): string[] => text.split("=").filter((part) => part !== "");

function permsOf(texts: readonly string[] | undefined, kind: "topic" | "group"): Map<string, number> {
  const perms = new Map<string, number>();
  for (const text of texts ?? []) {
    const [name, perm, ...rest] = partsOfPerm(text);
    if (name === undefined || perm === undefined || rest.length > 0) {
      throw new Error(`Parse resource permission failed for ${kind}:${text}`);
    }
    perms.set(name.trim(), permOf(perm));
  }
  return perms;
}
