/** Users and access lists of ACL 2.0, on one broker. */
import { type AclInfo, aclInfo, aclInfos, type UserInfo, userInfo, userInfos } from "../../../wire/bodies/auth.ts";
import type { AdminCalls } from "./admin_calls.ts";

/** An access list, written short: each action is allowed, or denied, on each resource. */
export interface AclInput {
  /** `User:name`. */
  readonly subject: string;
  /** `Topic:name`, `Group:prefix*`, `*` … */
  readonly resources: readonly string[];
  readonly actions: readonly string[];
  /** Networks; everywhere when left out. */
  readonly sourceIps?: readonly string[];
  /** `ALLOW` or `DENY`. */
  readonly decision: string;
}

export class UserAdmin {
  readonly #calls: AdminCalls;

  constructor(calls: AdminCalls) {
    this.#calls = calls;
  }

  // ------------------------------------------------------------------------------------------------------------- users

  async createUser(brokerAddr: string, user: UserInfo): Promise<void> {
    const { username } = user;
    const tried = `create user "${username}"`;
    await this.#calls.call(tried, brokerAddr, "AUTH_CREATE_USER", { username }, { body: userInfo.encode(user) });
  }

  /** What is left out of `user` stays as it is. */
  async updateUser(brokerAddr: string, user: UserInfo): Promise<void> {
    const { username } = user;
    const tried = `change user "${username}"`;
    await this.#calls.call(tried, brokerAddr, "AUTH_UPDATE_USER", { username }, { body: userInfo.encode(user) });
  }

  async deleteUser(brokerAddr: string, username: string): Promise<void> {
    await this.#calls.call(`delete user "${username}"`, brokerAddr, "AUTH_DELETE_USER", { username });
  }

  /** Undefined when there is none. */
  async getUser(brokerAddr: string, username: string): Promise<UserInfo | undefined> {
    const answer = await this.#calls.call(`read user "${username}"`, brokerAddr, "AUTH_GET_USER", { username });
    return answer.body.length === 0 ? undefined : answer.read(userInfo);
  }

  /** @param filter a text that the name contains; all unless given */
  async listUser(brokerAddr: string, filter?: string): Promise<UserInfo[]> {
    const answer = await this.#calls.call("list the users", brokerAddr, "AUTH_LIST_USER", { filter });
    return answer.body.length === 0 ? [] : answer.read(userInfos);
  }

  // ------------------------------------------------------------------------------------------------------ access lists

  async createAcl(brokerAddr: string, acl: AclInfo | AclInput): Promise<void> {
    const { subject } = acl;
    const body = aclInfo.encode(completed(acl));
    await this.#calls.call(`create the access list of ${subject}`, brokerAddr, "AUTH_CREATE_ACL", { subject }, { body });
  }

  async updateAcl(brokerAddr: string, acl: AclInfo | AclInput): Promise<void> {
    const { subject } = acl;
    const body = aclInfo.encode(completed(acl));
    await this.#calls.call(`change the access list of ${subject}`, brokerAddr, "AUTH_UPDATE_ACL", { subject }, { body });
  }

  /** @param resource only the entry of this resource */
  async deleteAcl(brokerAddr: string, subject: string, resource?: string): Promise<void> {
    const tried = `delete the access list of ${subject}`;
    await this.#calls.call(tried, brokerAddr, "AUTH_DELETE_ACL", { subject, resource });
  }

  /** Undefined when there is none. */
  async getAcl(brokerAddr: string, subject: string): Promise<AclInfo | undefined> {
    const answer = await this.#calls.call(`read the access list of ${subject}`, brokerAddr, "AUTH_GET_ACL", { subject });
    return answer.body.length === 0 ? undefined : answer.read(aclInfo);
  }

  /** Texts that subject and resource contain; all unless given. */
  async listAcl(brokerAddr: string, subjectFilter?: string, resourceFilter?: string): Promise<AclInfo[]> {
    const header = { subjectFilter, resourceFilter };
    const answer = await this.#calls.call("list the access lists", brokerAddr, "AUTH_LIST_ACL", header);
    return answer.body.length === 0 ? [] : answer.read(aclInfos);
  }
}

function completed(acl: AclInfo | AclInput): AclInfo {
  if ("policies" in acl) return acl;
  const { subject, resources, actions, sourceIps = [], decision } = acl;
  const entries = resources.map((resource) => ({ resource, actions: [...actions], sourceIps: [...sourceIps], decision }));
  return { subject, policies: [{ policyType: "CUSTOM", entries }] };
}
