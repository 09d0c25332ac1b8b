/**
 * Users and access lists as administrators change them (codes 3001-3010; mqadmin createUser, updateAcl, copyUser …). Codes
 * and words are Apache's. Whether the caller may do so at all was decided before; here only what is special about super users.
 */
import { aclInfo, aclInfos, userInfo, userInfos } from "../../../wire/bodies/auth.ts";
import { REQUESTS } from "../../../wire/requests.ts";
import { ResponseCode } from "../../../wire/response_code.ts";
import { AuthError, aclInfoOf, merged, POLICY_TYPES, type Policies, policiesOf, without } from "../../auth/policies.ts";
import { byName, parseResource } from "../../auth/resource.ts";
import { subjectOf, USER_STATUSES, USER_TYPES, userInfoOf, usernameOf, userOf } from "../../auth/users.ts";
import { type ProcessorMap, RemotingError, type RequestContext } from "../../remoting/processor.ts";
import type { AdminParts } from "./admin_parts.ts";

type AuthProcessors = Pick<
  ProcessorMap<"broker">,
  | "AUTH_CREATE_USER"
  | "AUTH_UPDATE_USER"
  | "AUTH_DELETE_USER"
  | "AUTH_GET_USER"
  | "AUTH_LIST_USER"
  | "AUTH_CREATE_ACL"
  | "AUTH_UPDATE_ACL"
  | "AUTH_DELETE_ACL"
  | "AUTH_GET_ACL"
  | "AUTH_LIST_ACL"
>;

type AuthRequest = keyof AuthProcessors;

export function authProcessors({ access, log }: Pick<AdminParts, "access" | "log">): AuthProcessors {
  const { users } = access;

  const requireSuper = (context: RequestContext, request: AuthRequest, words: string, code: number): void => {
    if (!access.isSuper(REQUESTS[request].code, context.extFields)) throw new RemotingError(code, words);
  };

  /** createAcl and updateAcl are the same to Apache: what is there is added to. */
  const putAcl = (subject: string | undefined, body: Uint8Array, what: string) =>
    answering(() => {
      const info = body.length === 0 ? undefined : aclInfo.decode(body);
      if (info === undefined || info.policies.length === 0) {
        throw new RemotingError(ResponseCode.SYSTEM_ERROR, "The body of acl is null");
      }
      const username = usernameOf(info.subject === "" ? subject : info.subject);
      const changes = policiesOf(info);
      if (users.find(username) === undefined) throw new AuthError(`The subject of ${subjectOf(username)} is not exist.`);
      users.setPolicies(username, merged(users.policies(username), changes));
      log.info(what, { user: username, resources: resourcesOf(changes) });
      return {};
    });

  return {
    AUTH_CREATE_USER: (context, { header, body }) =>
      answering(() => {
        const username = named(header.username);
        const info = { ...userInfo.decode(body), username };
        if (byName(USER_TYPES, info.userType) === "Super") {
          const words = "The super user can only be create by super user";
          requireSuper(context, "AUTH_CREATE_USER", words, ResponseCode.SYSTEM_ERROR);
        }
        const user = userOf(info);
        if (users.find(username) !== undefined) throw new AuthError("The user is existed");
        users.put(user);
        log.info("a user was made", { user: username, type: user.userType });
        return {};
      }),

    AUTH_UPDATE_USER: (context, { header, body }) =>
      answering(() => {
        const username = named(header.username);
        const info = userInfo.decode(body);
        const userType = byName(USER_TYPES, info.userType);
        const words = "The super user can only be update by super user";
        if (userType === "Super") requireSuper(context, "AUTH_UPDATE_USER", words, ResponseCode.SYSTEM_ERROR);
        const old = users.find(username);
        if (old === undefined) throw new AuthError("The user is not exist");
        if (old.userType === "Super") requireSuper(context, "AUTH_UPDATE_USER", words, ResponseCode.NO_PERMISSION);
        const user = userOf({
          username,
          password: info.password === undefined || info.password.trim() === "" ? old.password : info.password,
          userType: userType ?? old.userType,
          userStatus: byName(USER_STATUSES, info.userStatus) ?? old.userStatus,
        });
        users.put(user);
        log.info("a user was changed", { user: username, type: user.userType, status: user.userStatus });
        return {};
      }),

    AUTH_DELETE_USER: (context, { header }) =>
      answering(() => {
        const username = header.username ?? "";
        if (username.trim() === "") throw new AuthError("username can not be blank");
        const old = users.find(username);
        if (old === undefined) return {};
        const words = "The super user can only be update by super user";
        if (old.userType === "Super") requireSuper(context, "AUTH_DELETE_USER", words, ResponseCode.NO_PERMISSION);
        users.delete(username);
        log.info("a user was deleted", { user: username });
        return {};
      }),

    AUTH_GET_USER(_context, { header }) {
      const user = users.find(named(header.username));
      return user === undefined ? {} : { body: userInfo.encode(userInfoOf(user)) };
    },

    AUTH_LIST_USER(_context, { header }) {
      const found = users.list(header.filter);
      return found.length === 0 ? {} : { body: userInfos.encode(found.map(userInfoOf)) };
    },

    AUTH_CREATE_ACL: (_context, { header, body }) => putAcl(header.subject, body, "an access list was made"),
    AUTH_UPDATE_ACL: (_context, { header, body }) => putAcl(header.subject, body, "an access list was changed"),

    AUTH_DELETE_ACL: (_context, { header }) =>
      answering(() => {
        const username = usernameOf(header.subject);
        if (users.find(username) === undefined) throw new AuthError("The subject is not exist.");
        const policies = users.policies(username);
        if (policies === undefined) throw new AuthError("The acl is not exist.");
        const resource = parseResource(header.resource);
        if (resource === undefined && (header.resource ?? "").trim() !== "") throw new AuthError("The resource is null.");
        const type = byName(POLICY_TYPES, header.policyType) ?? "Custom";
        users.setPolicies(username, resource === undefined ? undefined : without(policies, type, resource));
        log.info("an access list was deleted", { user: username, resource: header.resource ?? "all" });
        return {};
      }),

    AUTH_GET_ACL: (_context, { header }) =>
      answering(() => {
        const username = usernameOf(header.subject);
        if (users.find(username) === undefined) throw new AuthError("The subject is not exist.");
        const policies = users.policies(username);
        return policies === undefined ? {} : { body: aclInfo.encode(aclInfoOf(subjectOf(username), policies)) };
      }),

    AUTH_LIST_ACL(_context, { header }) {
      const { subjectFilter = "", resourceFilter = "" } = header;
      const found = users
        .subjects()
        .filter((username) => subjectOf(username).includes(subjectFilter))
        .map((username) => aclInfoOf(subjectOf(username), users.policies(username) ?? new Map(), resourceFilter))
        .filter(({ policies }) => policies.length > 0);
      return found.length === 0 ? {} : { body: aclInfos.encode(found) };
    },
  };
}

/** What is wrong with a user or an access list is NO_PERMISSION to Apache. */
function answering<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof AuthError) throw new RemotingError(ResponseCode.NO_PERMISSION, error.message);
    throw error;
  }
}

function named(username: string | undefined): string {
  if (username === undefined || username.trim() === "") {
    throw new RemotingError(ResponseCode.INVALID_PARAMETER, "The username is blank");
  }
  return username;
}

const resourcesOf = (policies: Policies): string =>
  [...policies.values()]
    .flat()
    .map(({ resource: { type, name } }) => `${type}:${name}`)
    .join()
    .slice(0, 1_000);
