/**
 * Users and their access lists, in `<authConfigPath>/users.json` and `acls.json`: lists of the bodies that mqadmin sends.
 * A change is on the disk before it counts.
 */
import { aclInfos, type UserInfo, userInfos } from "../../wire/bodies/auth.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { replaceFile } from "../durable_files.ts";
import type { Files } from "../runtime.ts";
import { AuthError, aclInfoOf, type Policies, policiesOf } from "./policies.ts";
import { byName } from "./resource.ts";

export const USER_TYPES = ["Super", "Normal"] as const;
export const USER_STATUSES = ["enable", "disable"] as const;

export interface User {
  readonly username: string;
  /** The secret key that requests are signed with. Never in a log. */
  readonly password: string;
  readonly userType: (typeof USER_TYPES)[number];
  readonly userStatus: (typeof USER_STATUSES)[number];
  /** `password` in UTF-8. */
  readonly key: Uint8Array;
}

/** Who may change users could fill the memory otherwise. */
const USERS_MAX = 100_000;

export class Users {
  readonly #files: Files;
  readonly #directory: () => string;
  #users: ReadonlyMap<string, User> = new Map();
  /** By user name. */
  #policies: ReadonlyMap<string, Policies> = new Map();

  /** @param directory authConfigPath, asked for when it is needed */
  constructor(files: Files, directory: () => string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** Reads both files. @throws Error naming the file that can't be used: without it nobody, or anybody, would be let in */
  load(): void {
    const users = new Map<string, User>();
    this.#read("users.json", (text) => {
      for (const info of userInfos.parse(text)) users.set(info.username, userOf(info));
    });
    const policies = new Map<string, Policies>();
    this.#read("acls.json", (text) => {
      for (const info of aclInfos.parse(text)) policies.set(usernameOf(info.subject), policiesOf(info));
    });
    this.#users = users;
    this.#policies = policies;
  }

  find(username: string): User | undefined {
    return this.#users.get(username);
  }

  policies(username: string): Policies | undefined {
    return this.#policies.get(username);
  }

  /** Users whose name contains `filter`, by name. */
  list(filter = ""): User[] {
    return [...this.#users.values()].filter(({ username }) => username.includes(filter)).sort(byUsername);
  }

  /** User names with an access list. */
  subjects(): string[] {
    return [...this.#policies.keys()].sort();
  }

  /** Makes or replaces a user. @throws AuthError; RuntimeFault, and nothing changed */
  put(user: User): void {
    const users = new Map(this.#users).set(user.username, user);
    if (users.size > USERS_MAX) throw new AuthError(`A user is refused: there are ${USERS_MAX} of them, the most that are kept.`);
    this.#saveUsers(users);
  }

  /** The user goes, and so does its access list. @throws RuntimeFault */
  delete(username: string): void {
    this.setPolicies(username, undefined);
    const users = new Map(this.#users);
    if (users.delete(username)) this.#saveUsers(users);
  }

  /** Undefined or empty: the access list goes. @throws RuntimeFault, and nothing changed */
  setPolicies(username: string, policies: Policies | undefined): void {
    const all = new Map(this.#policies);
    if (policies === undefined || policies.size === 0) {
      if (!all.delete(username)) return;
    } else all.set(username, policies);
    const infos = [...all].map(([name, list]) => aclInfoOf(subjectOf(name), list));
    this.#write("acls.json", aclInfos.encode(infos, { pretty: true }));
    this.#policies = all;
  }

  #saveUsers(users: ReadonlyMap<string, User>): void {
    this.#write("users.json", userInfos.encode([...users.values()].sort(byUsername).map(userInfoOf), { pretty: true }));
    this.#users = users;
  }

  #write(name: string, bytes: Uint8Array): void {
    replaceFile(this.#files, `${this.#directory()}/${name}`, bytes, { private: true });
  }

  #read(name: string, take: (text: string) => void): void {
    const path = `${this.#directory()}/${name}`;
    const bytes = this.#files.read(path);
    if (bytes === undefined) return;
    try {
      take(decodeUtf8(bytes));
    } catch (fault) {
      throw new Error(`"${path}" can't be used: ${(fault as Error).message}; mend it, or put back "${path}.bak"`);
    }
  }
}

/** Absent type and status read as Normal and enabled. @throws AuthError when name or password is blank */
export function userOf({ username, password = "", userType, userStatus }: UserInfo): User {
  if (username.trim() === "") throw new AuthError("username can not be blank");
  if (password.trim() === "") throw new AuthError("password can not be blank");
  return {
    username,
    password,
    userType: byName(USER_TYPES, userType) ?? "Normal",
    userStatus: byName(USER_STATUSES, userStatus) ?? "enable",
    key: encodeUtf8(password),
  };
}

/** With the password, as Apache: copyUser needs it, and who may ask may change it too. */
export const userInfoOf = ({ username, password, userType, userStatus }: User): UserInfo => ({
  username,
  password,
  userType,
  userStatus,
});

const byUsername = (a: User, b: User): number => (a.username < b.username ? -1 : 1);

export const subjectOf = (username: string): string => `User:${username}`;

/** The name in `User:name`. @throws AuthError for every other text */
export function usernameOf(subject: string | undefined): string {
  const colon = subject?.indexOf(":") ?? -1;
  if (subject === undefined || colon < 0 || subject.slice(0, colon).toLowerCase() !== "user") {
    throw new AuthError("The subject is null.");
  }
  return subject.slice(colon + 1);
}
