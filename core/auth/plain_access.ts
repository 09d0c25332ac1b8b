/**
 * Who may do what under ACL 1.0 (aclEnable): the checks of Apache's plain access validator over the accounts of `plain_acl.ts`,
 * read again when a file changes, and changed by admin codes (`plain_acl_changes.ts`).
 *
 * Order: white addresses of all, access key, white addresses of the account, signature, admin, permissions. Stricter than
 * Apache: what changes the cluster under ACL 2.0 (`access_rules.ts`) is for admins, whatever its code, and every request of
 * publishers and subscribers asks for PUB or SUB on what it names.
 */
import type { DataVersion } from "../../wire/bodies/topic.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestName } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { ConfigError } from "../config.ts";
import type { Log, Runtime, TimerHandle } from "../runtime.ts";
import { needsOf } from "./access_rules.ts";
import type { AccessRefusal } from "./auth.ts";
import {
  DENY,
  homeOf,
  loadPlainAcl,
  mainPlainAclPath,
  type PlainAccount,
  type PlainAcl,
  PUB,
  plainAclVersion,
  SUB,
} from "./plain_acl.ts";
import {
  type AccountChange,
  deleteAccount,
  type PlainAclPlace,
  putAccount,
  setGlobalWhiteAddresses,
} from "./plain_acl_changes.ts";
import { RefusalLog } from "./refusal_log.ts";
import type { Need } from "./resource.ts";
import { ACCESS_KEY, SIGNATURE, sameSignature, signatureOf } from "./signature.ts";

export interface PlainAccessSettings {
  readonly aclEnable: boolean;
  readonly authenticationEnabled: boolean;
  /** Directory that holds `conf/`. */
  readonly rocketmqHome: string | undefined;
}

export interface PlainAccessParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: PlainAccessSettings;
}

const WATCH_INTERVAL_MS = 5_000;
const TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";
/** The exception whose text Apache's client sees. */
const EXCEPTION = "org.apache.rocketmq.acl.common.AclException: ";
/** Requests that ask for permissions though they are neither a publisher's nor a subscriber's by their row. */
const RULED: ReadonlySet<RequestName> = new Set(["QUERY_MESSAGE", "HEART_BEAT", "UNREGISTER_CLIENT"]);
const ADMIN_ONLY: ReadonlySet<RequestName> = new Set([
  "UPDATE_AND_CREATE_TOPIC",
  "UPDATE_AND_CREATE_TOPIC_LIST",
  "UPDATE_AND_CREATE_STATIC_TOPIC",
  "DELETE_TOPIC_IN_BROKER",
  "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP",
  "UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST",
  "DELETE_SUBSCRIPTIONGROUP",
  "UPDATE_AND_CREATE_ACL_CONFIG",
  "DELETE_ACL_CONFIG",
  "GET_BROKER_CLUSTER_ACL_INFO",
  // In Apache every account may replace the addresses that are not checked.
  "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG",
]);

export class PlainAccess {
  readonly #parts: PlainAccessParts;
  readonly #home: string;
  readonly #refusals: RefusalLog;
  readonly #noSecret: Uint8Array;
  #acl: PlainAcl | undefined;
  /** Secrets in UTF-8, by access key. */
  #keys: ReadonlyMap<string, Uint8Array> = new Map();
  /** What the last look found: a version that could not be used is not tried again until it changes. */
  #seen = "";
  #watch: TimerHandle | undefined;

  /** Undefined when aclEnable is off. @throws ConfigError naming what it does not go with, or what it needs */
  static of(parts: PlainAccessParts): PlainAccess | undefined {
    const { aclEnable, authenticationEnabled, rocketmqHome } = parts.settings;
    if (!aclEnable) return undefined;
    if (authenticationEnabled) {
      throw new ConfigError([
        "aclEnable=true (ACL 1.0) and authenticationEnabled=true (ACL 2.0) exclude each other: set one of them",
      ]);
    }
    return new PlainAccess(parts, homeOf("aclEnable", rocketmqHome));
  }

  private constructor(parts: PlainAccessParts, home: string) {
    this.#parts = parts;
    this.#home = home;
    this.#refusals = new RefusalLog(parts.runtime.clock, parts.log);
    this.#noSecret = parts.runtime.random.bytes(20);
  }

  /** Reads the files, and looks for changes from now on. @throws Error naming the file that can't be used */
  start(): void {
    const { log, runtime } = this.#parts;
    const home = this.#home;
    this.#take(loadPlainAcl(runtime.files, home));
    if (this.#acl?.accounts.size === 0) {
      log.warn("no account is in the files of ACL 1.0, so only white addresses are served", { home });
    }
    this.#watch = runtime.clock.setInterval(() => this.#reloadWhenChanged(), WATCH_INTERVAL_MS);
  }

  stop(): void {
    this.#watch?.cancel();
  }

  /** What a server asks for each request. */
  forServer(): (name: RequestName, command: RemotingCommand, host: string) => AccessRefusal | undefined {
    return (name, command, host) => this.check(name, command, host);
  }

  /**
   * Undefined: go on. @param host IP literal of the caller
   * @throws WireError when what is to be checked can't be read
   */
  check(name: RequestName, command: RemotingCommand, host: string): AccessRefusal | undefined {
    const acl = this.#acl;
    if (acl === undefined) return this.#refuse(name, host, undefined, NOT_AUTHENTICATED);
    if (acl.whiteAddresses.has(host)) return undefined;
    const accessKey = command.extFields?.[ACCESS_KEY];
    const account = acl.accounts.get(accessKey ?? "");
    if (account?.whiteAddresses.has(host) === true) return undefined;
    if (!this.#isSigned(command, account)) return this.#refuse(name, host, accessKey, NOT_AUTHENTICATED);
    const why = account?.admin === true ? undefined : this.#whyNot(name, command, account as PlainAccount);
    return why === undefined ? undefined : this.#refuse(name, host, accessKey, why);
  }

  // ------------------------------------------------------------------------------------------------- changes by admin codes

  /** Makes or changes an account; it counts at once. @throws Error in Apache's words, or naming the file at fault */
  putAccount(change: AccountChange): void {
    this.#change((place, acl) => putAccount(place, acl, change));
  }

  /** False when there is no such account. @throws Error naming the file at fault */
  deleteAccount(accessKey: string): boolean {
    return this.#change((place, acl) => deleteAccount(place, acl, accessKey));
  }

  /** @param path empty: plain_acl.yml. False when it is no file that is read. @throws Error naming what is no address */
  setGlobalWhiteAddresses(addresses: readonly string[], path: string): boolean {
    return this.#change((place) => setGlobalWhiteAddresses(place, addresses, path));
  }

  /** Changes so far: of plain_acl.yml, and of each file by its path. */
  versions(): { main: DataVersion | undefined; files: ReadonlyMap<string, DataVersion> } {
    const files = this.#acl?.dataVersions ?? new Map();
    return { main: files.get(mainPlainAclPath(this.#home)), files };
  }

  #change<T>(change: (place: PlainAclPlace, acl: PlainAcl) => T): T {
    const { files, clock } = this.#parts.runtime;
    // Somebody may have edited a file since the last look.
    this.#reloadWhenChanged();
    if (this.#acl === undefined) throw new Error("the files of ACL 1.0 were not read yet");
    const done = change({ files, home: this.#home, now: clock.now() }, this.#acl);
    this.#take(loadPlainAcl(files, this.#home));
    return done;
  }

  #isSigned(command: RemotingCommand, account: PlainAccount | undefined): boolean {
    const { extFields = {}, body, version } = command;
    const key = (account && this.#keys.get(account.accessKey)) ?? this.#noSecret;
    const expected = signatureOf(this.#parts.runtime.digest, key, extFields, body, version);
    return sameSignature(expected, extFields[SIGNATURE] ?? "") && account !== undefined;
  }

  #whyNot(name: RequestName, command: RemotingCommand, account: PlainAccount): string | undefined {
    const row = REQUESTS[name];
    const header = command.header ?? row.request.decode(command.extFields);
    const needs = needsOf(name, header, command.body, "");
    const changesCluster = needs.some(({ type, actions }) => type === "Cluster" && actions.includes("Update"));
    if (ADMIN_ONLY.has(name) || changesCluster) {
      return `Need admin permission for request code=${row.code}, but accessKey=${account.accessKey} is not`;
    }
    if (row.access !== "pub" && row.access !== "sub" && !RULED.has(name)) return undefined;
    for (const need of needs) {
      const why = refusalOf(account, need);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  #refuse(name: RequestName, host: string, user: string | undefined, words: string): AccessRefusal {
    this.#refusals.note(name, host, user, words);
    return { code: ResponseCode.SYSTEM_ERROR, remark: `${EXCEPTION}${words}` };
  }

  #take(acl: PlainAcl): void {
    this.#acl = acl;
    this.#keys = new Map([...acl.accounts.values()].map(({ accessKey, secretKey }) => [accessKey, encodeUtf8(secretKey)]));
    this.#seen = acl.version;
    for (const accessKey of acl.ignored)
      this.#parts.log.warn("an account stands more than once; the first counts", { accessKey });
  }

  #reloadWhenChanged(): void {
    const { runtime, log } = this.#parts;
    const home = this.#home;
    try {
      const version = plainAclVersion(runtime.files, home);
      if (version === this.#seen) return;
      this.#seen = version;
      this.#take(loadPlainAcl(runtime.files, home));
      log.info("the files of ACL 1.0 were read again", { accounts: this.#acl?.accounts.size ?? 0 });
    } catch (fault) {
      log.error("the files of ACL 1.0 changed and can't be used; what was read before stays", {
        reason: (fault as Error).message,
      });
    }
  }
}

const NOT_AUTHENTICATED = "Check signature failed";

function refusalOf(account: PlainAccount, { type, name, actions }: Need): string | undefined {
  const wanted = actions.includes("Pub") ? PUB : SUB;
  if (type === "Topic" && name === TRACE_TOPIC && wanted === PUB) return undefined;
  const isTopic = type === "Topic";
  const kind = isTopic ? "topic" : "group";
  const own = (isTopic ? account.topicPerms : account.groupPerms).get(name);
  if (own !== undefined) return (own & DENY) === 0 && (own & wanted) !== 0 ? undefined : `No permission for ${kind}:${name}`;
  const inGeneral = isTopic ? account.defaultTopicPerm : account.defaultGroupPerm;
  return (inGeneral & wanted) !== 0 ? undefined : `No default permission for ${kind}:${name}`;
}
