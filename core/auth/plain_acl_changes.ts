/**
 * Changes of the files of ACL 1.0 as its admin codes make them: UPDATE_AND_CREATE_ACL_CONFIG (50), DELETE_ACL_CONFIG (51),
 * UPDATE_GLOBAL_WHITE_ADDRS_CONFIG (53). Who may is decided elsewhere; here a file is read, changed and replaced, the old one
 * beside it as `.bak`, both readable by their owner only.
 *
 * Rules and words are Apache's (5.3.2). Otherwise than Apache: what could not be read again is refused before anything is
 * written, and only files that ACL 1.0 reads are written, where Apache takes any `.yml` below its home.
 */
import { noDataVersion } from "../../wire/bodies/topic.ts";
import { replaceFile } from "../durable_files.ts";
import type { Files } from "../runtime.ts";
import { DENY, mainPlainAclPath, type PlainAcl, partsOfPerm, permOf, plainAccountOf, plainAclPaths } from "./plain_acl.ts";
import { type PlainAccountText, type PlainAclFile, readPlainAclFile, writePlainAclFile } from "./plain_acl_file.ts";
import { AddressSet } from "./white_addresses.ts";

/** What is given replaces what stands there; `admin` always does. */
export interface AccountChange extends Partial<Omit<PlainAccountText, "admin">> {
  readonly admin: boolean;
}

export interface PlainAclPlace {
  readonly files: Files;
  /** Directory that holds `conf/`. */
  readonly home: string;
  /** ms since 1970, for the file's version. */
  readonly now: number;
}

/** Puts an account into the file that has it, else into plain_acl.yml. @throws Error in Apache's words */
export function putAccount(place: PlainAclPlace, acl: PlainAcl, change: AccountChange): void {
  const { accessKey = "", secretKey = "" } = change;
  if (accessKey.length <= 6 || secretKey.length <= 6) {
    // Apache's answer and log have the secret.
    const key = change.accessKey ?? "null";
    throw new Error(`The accessKey=${key} and secretKey=*** cannot be null and length should longer than 6`);
  }
  for (const text of [...(change.topicPerms ?? []), ...(change.groupPerms ?? [])]) checkPerm(text);
  const path = acl.fileOf.get(accessKey) ?? mainPlainAclPath(place.home);
  changeFile(place, path, (file) => {
    const old = file.accounts.find((account) => account.accessKey === accessKey);
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined && value !== ""));
    const cleared = change.whiteRemoteAddress === "" ? { whiteRemoteAddress: "" } : {};
    const account = { ...(old ?? NO_ACCOUNT), ...given, ...cleared, admin: change.admin };
    plainAccountOf(account, `of ${accessKey}`);
    return { ...file, accounts: [...file.accounts.filter((other) => other !== old), account] };
  });
}

/** False when there is no such account. @throws Error when its file can't be read or written */
export function deleteAccount(place: PlainAclPlace, acl: PlainAcl, accessKey: string): boolean {
  const path = acl.fileOf.get(accessKey);
  if (path === undefined) return false;
  changeFile(place, path, (file) => {
    const old = file.accounts.find((account) => account.accessKey === accessKey);
    return { ...file, accounts: file.accounts.filter((account) => account !== old) };
  });
  return true;
}

/**
 * Replaces the white addresses of one file. False when `path`, which may be empty for plain_acl.yml, is no file that is read.
 * @throws Error naming the address that is none
 */
export function setGlobalWhiteAddresses(place: PlainAclPlace, addresses: readonly string[], path: string): boolean {
  const { files, home } = place;
  const main = mainPlainAclPath(home);
  const file = path === "" ? main : plainAclPaths(files, home).find((known) => samePath(known, path));
  if (file === undefined) return false;
  const list = addresses.map((address) => address.trim());
  new AddressSet(list);
  changeFile(place, file, (old) => ({ ...old, globalWhiteRemoteAddresses: list }));
  return true;
}

const NO_ACCOUNT: PlainAccountText = {
  accessKey: undefined,
  admin: false,
  defaultGroupPerm: undefined,
  defaultTopicPerm: undefined,
  groupPerms: undefined,
  secretKey: undefined,
  topicPerms: undefined,
  whiteRemoteAddress: undefined,
};

function changeFile({ files, now }: PlainAclPlace, path: string, change: (file: PlainAclFile) => PlainAclFile): void {
  const file = readPlainAclFile(files.read(path) ?? new Uint8Array(0));
  const { counter } = file.dataVersion ?? noDataVersion();
  const dataVersion = { ...noDataVersion(), counter: counter + 1, timestamp: now };
  replaceFile(files, path, writePlainAclFile({ ...change(file), dataVersion }), { private: true });
}

function checkPerm(text: string): void {
  const parts = partsOfPerm(text);
  if (parts.length !== 2) {
    throw new Error(
      `Parse Resource format error for ${text}.\nThe expected resource format is 'Res=Perm'. For example: topicA=SUB`,
    );
  }
  const perm = (parts[1] as string).trim();
  if (perm === "DENY" || permOf(perm) !== DENY) return;
  throw new Error(
    `Parse resource permission error for ${text}.\nThe expected permissions are 'SUB' or 'PUB' or 'SUB|PUB' or 'PUB|SUB'.`,
  );
}

/** `/home//conf/./a.yml` is `/home/conf/a.yml`; nothing that climbs is anything. */
function samePath(known: string, asked: string): boolean {
  const plain = (path: string): string =>
    path
      .split("/")
      .filter((part, index) => (part !== "" || index === 0) && part !== ".")
      .join("/");
  return plain(known) === plain(asked);
}
