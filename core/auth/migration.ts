/** migrateAuthFromV1Enabled: accounts of ACL 1.0 become users and access lists of ACL 2.0, as in Apache 5.5.0. */
import type { Log, Runtime } from "../runtime.ts";
import { homeOf, loadPlainAcl, type PlainAccount, PUB, SUB } from "./plain_acl.ts";
import type { Policies, PolicyEntry, PolicyType } from "./policies.ts";
import type { Action, Resource } from "./resource.ts";
import { type Users, userOf } from "./users.ts";

export interface MigrationParts {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly home?: string | undefined;
}

/**
 * Accounts whose user is not there yet. White addresses are not taken over: under ACL 2.0 nobody is let in unsigned.
 * @throws ConfigError without a home; Error naming the file that can't be used
 */
export function migrateFromV1({ runtime, log, home }: MigrationParts, users: Users): void {
  const { accounts } = loadPlainAcl(runtime.files, homeOf("migrateAuthFromV1Enabled", home));
  for (const account of accounts.values()) {
    const { accessKey: username, secretKey: password, admin } = account;
    if (users.find(username) !== undefined) continue;
    users.put(userOf({ username, password, userType: admin ? "Super" : "Normal" }));
    const policies = policiesOf(account);
    if (policies.size > 0) users.setPolicies(username, policies);
    log.info("an account of ACL 1.0 became a user", { user: username, admin });
  }
}

function policiesOf({ topicPerms, groupPerms, defaultTopicPerm, defaultGroupPerm }: PlainAccount): Policies {
  const named = [
    ...[...topicPerms].map(([name, perm]) => entry({ type: "Topic", name, pattern: "LITERAL" }, perm)),
    ...[...groupPerms].map(([name, perm]) => entry({ type: "Group", name, pattern: "LITERAL" }, perm)),
  ];
  const others = [
    entry({ type: "Topic", name: "", pattern: "ANY" }, defaultTopicPerm),
    entry({ type: "Group", name: "", pattern: "ANY" }, defaultGroupPerm),
  ];
  const policies: [PolicyType, readonly PolicyEntry[]][] = [
    ["Custom", named],
    ["Default", others],
  ];
  return new Map(policies.filter(([, entries]) => entries.length > 0));
}

function entry(resource: Resource, perm: number): PolicyEntry {
  const actions: Action[] = [...((perm & PUB) === 0 ? [] : ["Pub" as const]), ...((perm & SUB) === 0 ? [] : ["Sub" as const])];
  return actions.length === 0
    ? { resource, actions: ["All"], sourceIps: [], decision: "Deny" }
    : { resource, actions, sourceIps: [], decision: "Allow" };
}
