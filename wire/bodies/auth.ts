/** Users and access lists of ACL 2.0. */
import { body, bodyOf, type Codec, list, listOf, maybe, or, orNew, text } from "../body.ts";

export interface UserInfo {
  username: string;
  /** Only in requests. */
  password?: string | undefined;
  /** `Super` or `Normal`. */
  userType?: string | undefined;
  /** `enable` or `disable`. */
  userStatus?: string | undefined;
}

export const userInfo = body<UserInfo>("UserInfo", {
  username: or(text, ""),
  password: maybe(text),
  userType: maybe(text),
  userStatus: maybe(text),
});

/** Answer of AUTH_LIST_USER. */
export const userInfos = bodyOf("UserInfo list", listOf(userInfo));

export interface PolicyEntryInfo {
  /** `Topic:name`, `Group:prefix*`, `*` … */
  resource: string;
  actions: string[];
  /** None: from everywhere. */
  sourceIps: string[];
  /** `ALLOW` or `DENY`. */
  decision: string;
}

const texts = listOf(text);
/** Apache keeps null for "from everywhere" and leaves it out. */
const textsUnlessNone: Codec<string[]> = {
  read: (value, place) => texts.read(value, place),
  write: (value) => (value.length === 0 ? undefined : texts.write(value)),
};

export const policyEntryInfo = body<PolicyEntryInfo>("PolicyEntryInfo", {
  resource: or(text, ""),
  actions: list(text),
  sourceIps: orNew(textsUnlessNone, () => []),
  decision: or(text, ""),
});

export interface PolicyInfo {
  /** `CUSTOM` or `DEFAULT`. */
  policyType: string;
  entries: PolicyEntryInfo[];
}

export const policyInfo = body<PolicyInfo>("PolicyInfo", { policyType: or(text, ""), entries: list(policyEntryInfo) });

export interface AclInfo {
  /** `User:name`. */
  subject: string;
  policies: PolicyInfo[];
}

export const aclInfo = body<AclInfo>("AclInfo", { subject: or(text, ""), policies: list(policyInfo) });

/** Answer of AUTH_LIST_ACL. */
export const aclInfos = bodyOf("AclInfo list", listOf(aclInfo));
