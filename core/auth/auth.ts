/**
 * Who may do what (ACL 2.0): finds out who signed a request, and whether the access list of that user grants what
 * `access_rules.ts` says that the request needs.
 *
 * It owns users and access lists (`users.ts`), not where requests come from: `core/remoting` asks through its `AccessCheck`, and
 * a role hands this in. With neither key on there is nothing to hand in, and a request costs nothing.
 *
 * Invariants: what is refused at the signature is refused in the same words and with the same work, whether the user is
 * unknown, disabled, or signed with another secret; a secret is in no log line and in no refusal; a request that no rule names
 * is for who may change the cluster.
 */

import type { ExtFields, RemotingCommand } from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestName } from "../../wire/requests.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import type { AuthSettings } from "../auth_options.ts";
import { ConfigError } from "../config.ts";
import type { Log, Runtime } from "../runtime.ts";
import { needsOf } from "./access_rules.ts";
import { credentialsOf, initialUserOf } from "./credentials.ts";
import { migrateFromV1 } from "./migration.ts";
import { refusal } from "./policies.ts";
import { RefusalLog } from "./refusal_log.ts";
import { resourceKey } from "./resource.ts";
import { ACCESS_KEY, SIGNATURE, sameSignature, signatureOf } from "./signature.ts";
import { subjectOf, type User, Users, userOf } from "./users.ts";

export type { AuthSettings };

export interface AccessControlParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly settings: AuthSettings;
  /** authConfigPath when it is not set. */
  readonly directory: string;
  /** Where migrateAuthFromV1Enabled finds the files of ACL 1.0. */
  readonly home?: string | undefined;
  /** The cluster that rights on `Cluster:name` are about, when clusterName is not set. */
  readonly clusterName: string;
}

export interface AccessRefusal {
  readonly code: number;
  readonly remark: string;
}

export class AccessControl {
  readonly users: Users;
  readonly #parts: AccessControlParts;
  readonly #unauthenticated: ReadonlySet<number>;
  readonly #unauthorized: ReadonlySet<number>;
  /** Signed for instead of a user that does not exist, so that it takes the same time. */
  readonly #nobody: User;
  readonly #refusals: RefusalLog;

  /** @throws ConfigError naming the keys that don't go together or can't be read */
  constructor(parts: AccessControlParts) {
    const { settings, directory, runtime } = parts;
    this.#parts = parts;
    this.#refusals = new RefusalLog(runtime.clock, parts.log);
    if (settings.authorizationEnabled && !settings.authenticationEnabled) {
      throw new ConfigError([
        "authorizationEnabled=true needs authenticationEnabled=true: without a signature everybody may use any user's name",
      ]);
    }
    this.#unauthenticated = codesOf("authenticationWhitelist", settings.authenticationWhitelist);
    this.#unauthorized = codesOf("authorizationWhitelist", settings.authorizationWhitelist);
    const key = runtime.random.bytes(20);
    this.#nobody = { username: "", password: "", userType: "Normal", userStatus: "disable", key };
    this.users = new Users(runtime.files, () => settings.authConfigPath ?? directory);
  }

  /** What a server asks for each request; undefined when nothing is to be checked. */
  forServer(): ((name: RequestName, command: RemotingCommand, host: string) => AccessRefusal | undefined) | undefined {
    return this.#parts.settings.authenticationEnabled ? (name, command, host) => this.check(name, command, host) : undefined;
  }

  /**
   * Reads users and access lists; makes the user of initAuthenticationUser and that of innerClientAuthenticationCredentials,
   * both Super, when they are not there yet.
   * @throws Error naming the file or key that can't be used
   */
  load(): void {
    const { settings, log } = this.#parts;
    this.users.load();
    if (!settings.authenticationEnabled) return;
    const credentials = credentialsOf(settings);
    const inner = credentials && { username: credentials.accessKey, password: credentials.secretKey };
    for (const first of [initialUserOf(settings), inner]) {
      if (first !== undefined && this.users.find(first.username) === undefined) {
        this.users.put(userOf({ ...first, userType: "Super" }));
        log.info("made a super user of the configuration", { user: first.username });
      }
    }
    if (settings.migrateAuthFromV1Enabled) migrateFromV1(this.#parts, this.users);
    if (this.users.list().length === 0) {
      log.warn("there is no user, so every request is refused", { key: "initAuthenticationUser" });
    }
  }

  /**
   * Undefined: go on. Called once for each request of the network, before its processor.
   * @param host IP literal of the caller
   * @throws WireError when what is to be checked can't be read
   */
  check(name: RequestName, command: RemotingCommand, host: string): AccessRefusal | undefined {
    const { settings } = this.#parts;
    if (!settings.authenticationEnabled) return undefined;
    const { code, extFields } = command;
    let user: User | undefined;
    if (!this.#unauthenticated.has(code)) {
      user = this.#signer(command);
      if (user === undefined) return this.#refuse(name, host, extFields?.[ACCESS_KEY], NOT_AUTHENTICATED);
    }
    if (!settings.authorizationEnabled || this.#unauthorized.has(code) || user?.userType === "Super") return undefined;
    return this.#unlessGranted(name, command, host, user);
  }

  /** Whether the caller may make, change and delete super users: one itself, or nobody is asked who he is. */
  isSuper(code: number, extFields: ExtFields): boolean {
    if (!this.#parts.settings.authenticationEnabled) return true;
    // What was not checked proves nothing.
    if (this.#unauthenticated.has(code)) return false;
    return this.users.find(extFields[ACCESS_KEY] ?? "")?.userType === "Super";
  }

  #signer(command: RemotingCommand): User | undefined {
    const { digest } = this.#parts.runtime;
    const { extFields = {}, body, version } = command;
    const known = this.users.find(extFields[ACCESS_KEY] ?? "");
    const { key } = known ?? this.#nobody;
    const isRight = sameSignature(signatureOf(digest, key, extFields, body, version), extFields[SIGNATURE] ?? "");
    return isRight && known?.userStatus === "enable" ? known : undefined;
  }

  #unlessGranted(name: RequestName, command: RemotingCommand, host: string, user: User | undefined): AccessRefusal | undefined {
    const { clusterName, settings } = this.#parts;
    const header = command.header ?? REQUESTS[name].request.decode(command.extFields);
    const policies = user && this.users.policies(user.username);
    for (const need of needsOf(name, header, command.body, settings.clusterName ?? clusterName)) {
      const why = refusal(policies, need, host);
      if (why === undefined) continue;
      const subject = subjectOf(user?.username ?? "");
      const resource = resourceKey({ ...need, pattern: "LITERAL" });
      return this.#refuse(name, host, user?.username, `${subject} has no permission to access ${resource} from ${host}, ${why}`);
    }
    return undefined;
  }

  #refuse(request: RequestName, remote: string, user: string | undefined, remark: string): AccessRefusal {
    this.#refusals.note(request, remote, user, remark);
    return { code: ResponseCode.NO_PERMISSION, remark };
  }
}

const NOT_AUTHENTICATED = "check signature failed.";

/** Request codes, separated by commas. */
function codesOf(key: string, value = ""): ReadonlySet<number> {
  const codes = value
    .split(",")
    .map((code) => code.trim())
    .filter((code) => code !== "");
  // Names of gRPC messages stand in the same list; they are the proxy's.
  const wrong = codes.find((code) => !/^\d{1,9}$/.test(code) && !/^[A-Za-z_][\w.]*$/.test(code));
  if (wrong !== undefined)
    throw new ConfigError([`${key}: "${wrong}" is not a request code; it holds codes separated by commas`]);
  return new Set(codes.filter((code) => /^\d/.test(code)).map(Number));
}
