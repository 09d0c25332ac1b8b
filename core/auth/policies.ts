/** The access list of a user, and how it decides: the closest entry that matches wins, and no match is a refusal. */
import type { AclInfo, PolicyEntryInfo } from "../../wire/bodies/auth.ts";
import { ACTIONS, type Action, byName, matches, type Need, parseResource, type Resource, resourceKey } from "./resource.ts";
import { isInRange, isIpOrCidr } from "./source_ips.ts";

export const POLICY_TYPES = ["Custom", "Default"] as const;
export type PolicyType = (typeof POLICY_TYPES)[number];
export const DECISIONS = ["Allow", "Deny"] as const;

export interface PolicyEntry {
  readonly resource: Resource;
  readonly actions: readonly Action[];
  /** Addresses and networks that it counts for; empty: everywhere. */
  readonly sourceIps: readonly string[];
  readonly decision: (typeof DECISIONS)[number];
}

/** Entries by policy; the default ones count where no custom one matches. One entry a resource. */
export type Policies = ReadonlyMap<PolicyType, readonly PolicyEntry[]>;

/** A wrong access list, in Apache's words. */
export class AuthError extends Error {
  override readonly name = "AuthError";
}

/** Most entries that one user may have: each is looked at for each request. */
const ENTRIES_MAX = 1_000;

/** @throws AuthError saying what is missing or wrong */
export function policiesOf(info: AclInfo): Policies {
  if (info.policies.length === 0) throw new AuthError("The policies is empty.");
  let policies: Policies = new Map();
  for (const policy of info.policies) {
    if (policy.entries.length === 0) throw new AuthError("The policy entries is empty.");
    policies = updated(policies, byName(POLICY_TYPES, policy.policyType) ?? "Custom", policy.entries.map(entryOf));
  }
  return policies;
}

function entryOf({ resource: text, actions: names, sourceIps, decision: verdict }: PolicyEntryInfo): PolicyEntry {
  const resource = parseResource(text);
  if (resource === undefined) throw new AuthError("The resource is null.");
  const actions = names.map((name) => byName(ACTIONS, name)).filter((action) => action !== undefined);
  if (actions.length < names.length || actions.length === 0) throw new AuthError("The actions is empty.");
  if (actions.includes("Any")) throw new AuthError("The actions can not be Any.");
  for (const ip of sourceIps) {
    if (ip.trim() === "") throw new AuthError("The source ip is empty.");
    if (!isIpOrCidr(ip)) throw new AuthError("The source ip is invalid.");
  }
  const decision = byName(DECISIONS, verdict);
  if (decision === undefined) throw new AuthError("The decision is null or illegal.");
  return { resource, actions, sourceIps, decision };
}

/** `policies` with `changes`: an entry of the same resource is replaced in its place. @throws AuthError over the bound */
export function merged(policies: Policies | undefined, changes: Policies): Policies {
  let result: Policies = policies ?? new Map();
  for (const [type, entries] of changes) result = updated(result, type, entries);
  return result;
}

function updated(policies: Policies, type: PolicyType, changes: readonly PolicyEntry[]): Policies {
  const entries = new Map((policies.get(type) ?? []).map((entry) => [resourceKey(entry.resource), entry]));
  for (const entry of changes) entries.set(resourceKey(entry.resource), entry);
  if (entries.size > ENTRIES_MAX)
    throw new AuthError(`An acl of ${entries.size} entries is refused, at most ${ENTRIES_MAX} are taken.`);
  return new Map([...policies, [type, [...entries.values()]]]);
}

/** `policies` without the entry of this resource; a policy that is empty then is gone. */
export function without(policies: Policies, type: PolicyType, resource: Resource): Policies {
  const key = resourceKey(resource);
  const left = (policies.get(type) ?? []).filter((entry) => resourceKey(entry.resource) !== key);
  const result = new Map(policies);
  if (left.length === 0) result.delete(type);
  else result.set(type, left);
  return result;
}

export function aclInfoOf(subject: string, policies: Policies, resourceFilter = ""): AclInfo {
  const infos = [...policies].map(([policyType, entries]) => ({
    policyType,
    entries: entries
      .filter((entry) => resourceKey(entry.resource).includes(resourceFilter))
      .map(({ resource, actions, sourceIps, decision }) => ({
        resource: resourceKey(resource),
        actions: [...actions],
        sourceIps: [...sourceIps],
        decision,
      })),
  }));
  return { subject, policies: infos.filter(({ entries }) => entries.length > 0) };
}

/** Undefined: allowed. Else Apache's last words for the refusal. @param host IP literal of the caller */
export function refusal(policies: Policies | undefined, need: Need, host: string): string | undefined {
  let closest: PolicyEntry | undefined;
  for (const type of POLICY_TYPES) {
    for (const entry of policies?.get(type) ?? []) {
      if (covers(entry, need, host) && (closest === undefined || compare(entry, closest) < 0)) closest = entry;
    }
    if (closest !== undefined) break;
  }
  if (closest === undefined) return "no matched policies.";
  return closest.decision === "Allow" ? undefined : "the decision is deny.";
}

function covers({ resource, actions, sourceIps }: PolicyEntry, need: Need, host: string): boolean {
  if (!matches(resource, need)) return false;
  const asked = need.actions;
  if (!actions.includes("All") && !asked.includes("Any") && !asked.some((action) => actions.includes(action))) return false;
  return sourceIps.length === 0 || sourceIps.some((range) => isInRange(host, range));
}

const NEARNESS = { LITERAL: 0, PREFIXED: 1, ANY: 2 } as const;

/** Negative when `a` is closer: a type before any type, a name before a prefix before all, a long prefix before a short one. */
function compare(a: PolicyEntry, b: PolicyEntry): number {
  const [x, y] = [a.resource, b.resource];
  if (x.type !== y.type) return x.type === "Any" ? 1 : -1;
  if (x.pattern !== y.pattern) return NEARNESS[x.pattern] - NEARNESS[y.pattern];
  if (x.pattern === "PREFIXED" && x.name.length !== y.name.length) return y.name.length - x.name.length;
  return a.decision === b.decision ? 0 : a.decision === "Deny" ? -1 : 1;
}
