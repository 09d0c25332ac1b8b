/**
 * One file of ACL 1.0 as text: YAML to values and back. Nothing is understood here but which keys there are; what an account
 * may do is made of it in `plain_acl.ts`.
 *
 * Every value is the text as it stands in the file, as in Apache's beans: `secretKey: 0123456` has its zero. A written file looks
 * as Apache writes it (SnakeYAML's block style, keys in the order of the alphabet, `null` for what is absent), so that either
 * reads what the other wrote; comments are lost, as with Apache.
 */
import { parse, stringify } from "yaml";
import { type DataVersion, noDataVersion } from "../../wire/bodies/topic.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";

/** An account as it stands in the file. */
export interface PlainAccountText {
  readonly accessKey: string | undefined;
  readonly admin: boolean;
  readonly defaultGroupPerm: string | undefined;
  readonly defaultTopicPerm: string | undefined;
  /** `name=PERM` each. */
  readonly groupPerms: readonly string[] | undefined;
  readonly secretKey: string | undefined;
  readonly topicPerms: readonly string[] | undefined;
  readonly whiteRemoteAddress: string | undefined;
}

export interface PlainAclFile {
  readonly accounts: readonly PlainAccountText[];
  /** Counts the changes by admin codes. */
  readonly dataVersion: DataVersion | undefined;
  readonly globalWhiteRemoteAddresses: readonly string[];
}

/** A file is a page or two; a YAML parser given a gigabyte takes the whole server down. */
export const FILE_BYTES_MAX = 4 * 1024 * 1024;

const EMPTY_FILE: PlainAclFile = { accounts: [], dataVersion: undefined, globalWhiteRemoteAddresses: [] };

/** @throws Error saying what is wrong and where; values are not quoted, but for access keys */
export function readPlainAclFile(bytes: Uint8Array): PlainAclFile {
  if (bytes.length > FILE_BYTES_MAX) throw new Error(`it has ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are read`);
  let value: unknown;
  try {
    // Every scalar is text. Aliases are bounded by the parser itself (maxAliasCount 100). Its messages quote the file, so only
    // the place is passed on.
    value = parse(decodeUtf8(bytes), { logLevel: "error", schema: "failsafe" });
  } catch (error) {
    const line = (error as { linePos?: readonly { line: number }[] }).linePos?.[0]?.line;
    throw new Error(`it is no YAML${line === undefined ? "" : ` from line ${line} on`}`);
  }
  if (isNothing(value)) return EMPTY_FILE;
  const document = membersOf(value, "the file", ["globalWhiteRemoteAddresses", "accounts", "dataVersion"]);
  return {
    accounts: listOf(document["accounts"], "accounts").map(accountOf),
    dataVersion: listOf(document["dataVersion"], "dataVersion").map(versionOf).at(0),
    globalWhiteRemoteAddresses: textsOf(document["globalWhiteRemoteAddresses"], "globalWhiteRemoteAddresses") ?? [],
  };
}

/** @throws Error when more bytes would be written than are read */
export function writePlainAclFile({ accounts, dataVersion, globalWhiteRemoteAddresses }: PlainAclFile): Uint8Array {
  const document = {
    accounts: accounts.map((account) => ({
      accessKey: account.accessKey ?? null,
      admin: account.admin,
      defaultGroupPerm: account.defaultGroupPerm ?? null,
      defaultTopicPerm: account.defaultTopicPerm ?? null,
      groupPerms: account.groupPerms ?? null,
      secretKey: account.secretKey ?? null,
      topicPerms: account.topicPerms ?? null,
      whiteRemoteAddress: account.whiteRemoteAddress ?? null,
    })),
    dataVersion: dataVersion === undefined ? null : [{ counter: dataVersion.counter, timestamp: dataVersion.timestamp }],
    globalWhiteRemoteAddresses,
  };
  // 1.1 is SnakeYAML's: texts that it would take for something else are put in quotes.
  const text = stringify(document, {
    version: "1.1",
    indentSeq: false,
    lineWidth: 0,
    singleQuote: true,
    aliasDuplicateObjects: false,
  });
  const bytes = encodeUtf8(text);
  if (bytes.length > FILE_BYTES_MAX) throw new Error(`it would have ${bytes.length} bytes, at most ${FILE_BYTES_MAX} are read`);
  return bytes;
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

function accountOf(value: unknown, index: number): PlainAccountText {
  const what = `accounts[${index}]`;
  const account = membersOf(value, what, ACCOUNT_KEYS);
  const text = (key: string): string | undefined => textOf(account[key], `${key} of ${what}`);
  return {
    accessKey: text("accessKey"),
    admin: flagOf(text("admin"), `admin of ${what}`),
    defaultGroupPerm: text("defaultGroupPerm"),
    defaultTopicPerm: text("defaultTopicPerm"),
    groupPerms: textsOf(account["groupPerms"], "groupPerms"),
    secretKey: text("secretKey"),
    topicPerms: textsOf(account["topicPerms"], "topicPerms"),
    whiteRemoteAddress: text("whiteRemoteAddress"),
  };
}

function versionOf(value: unknown): DataVersion {
  const version = membersOf(value, "dataVersion[0]", ["counter", "timestamp"]);
  const whole = (key: string): number => {
    const text = textOf(version[key], `${key} of dataVersion`) ?? "0";
    if (!/^-?\d{1,15}$/.test(text)) throw new Error(`${key} of dataVersion is no whole number`);
    return Number(text);
  };
  return { ...noDataVersion(), counter: whole("counter"), timestamp: whole("timestamp") };
}

type Members = Readonly<Record<string, unknown>>;

function membersOf(value: unknown, what: string, keys: readonly string[]): Members {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${what} is no map of keys`);
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined) throw new Error(`${what} has the unknown key "${unknownKey}"; known are ${keys.join(", ")}`);
  return value as Members;
}

const NULLS: ReadonlySet<unknown> = new Set([undefined, null, "", "~", "null", "Null", "NULL"]);
const isNothing = (value: unknown): boolean => NULLS.has(value);

function listOf(value: unknown, what: string): readonly unknown[] {
  if (isNothing(value)) return [];
  if (!Array.isArray(value)) throw new Error(`${what} is no list`);
  return value;
}

function textOf(value: unknown, what: string): string | undefined {
  if (isNothing(value)) return undefined;
  if (typeof value !== "string") throw new Error(`${what} is no text`);
  return value;
}

function textsOf(value: unknown, what: string): string[] | undefined {
  if (isNothing(value)) return undefined;
  return listOf(value, what).map((item) => {
    if (typeof item !== "string") throw new Error(`${what} holds something that is no text`);
    return item;
  });
}

/** What YAML 1.1 takes for a boolean. */
function flagOf(text: string | undefined, what: string): boolean {
  if (text === undefined) return false;
  if (/^(true|yes|on)$/i.test(text)) return true;
  if (/^(false|no|off)$/i.test(text)) return false;
  throw new Error(`${what} is neither true nor false`);
}
