/** Which entry of an access list decides: `resource actions decision sourceIps`, and what a request wants. */
import { describe, expect, test } from "bun:test";
import { aclInfoOf, merged, policiesOf, refusal, without } from "../../core/auth/policies.ts";
import { type Action, type Need, parseResource, resourceKey } from "../../core/auth/resource.ts";
import { policies } from "./support.ts";

const NONE = "no matched policies.";
const DENIED = "the decision is deny.";
const need = (type: Need["type"], name: string, ...actions: Action[]): Need => ({ type, name, actions });
const ask = (entries: string[], what: Need, host = "10.1.2.3"): string => refusal(policies(...entries), what, host) ?? "ok";

describe("the closest entry decides", () => {
  test.each([
    [["Topic:a Pub Allow"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:a Pub Allow"], need("Topic", "a", "Sub"), NONE],
    [["Topic:a Pub Allow"], need("Topic", "a", "Sub", "Pub"), "ok"],
    [["Topic:a Pub Allow"], need("Topic", "ab", "Pub"), NONE],
    [["Topic:a Pub Allow"], need("Group", "a", "Pub"), NONE],
    [["topic:a pub allow"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:a* Pub Allow"], need("Topic", "ab", "Pub"), "ok"],
    [["Topic:* All Allow"], need("Topic", "ab", "Delete"), "ok"],
    [["* All Allow"], need("Cluster", "c", "Update"), "ok"],
    [["* All Deny", "Topic:* Pub Allow"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:* Pub Allow", "Topic:a Pub Deny"], need("Topic", "a", "Pub"), DENIED],
    [["Topic:a* Pub Deny", "Topic:ab* Pub Allow"], need("Topic", "abc", "Pub"), "ok"],
    [["Topic:a* Pub Allow", "Topic:ab* Pub Deny"], need("Topic", "abc", "Pub"), DENIED],
    [["Topic:ab* Pub Deny", "Topic:abc Pub Allow"], need("Topic", "abc", "Pub"), "ok"],
    // An entry that does not grant the action does not count, however close.
    [["Topic:a Sub Deny", "Topic:* All Allow"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:a Pub Allow 10.0.0.0/8"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:a Pub Allow 10.1.2.3"], need("Topic", "a", "Pub"), "ok"],
    [["Topic:a Pub Allow 10.1.2.4,11.0.0.0/8"], need("Topic", "a", "Pub"), NONE],
    [["Topic:a Pub Allow ::/0"], need("Topic", "a", "Pub"), NONE],
  ] as const)("%j: %j: %s", (entries, what, expected) => {
    expect(ask([...entries], what)).toBe(expected);
    expect(ask([...entries].reverse(), what)).toBe(expected);
  });

  test("default entries count where no custom one matches", () => {
    const one = (policyType: string, resource: string, decision: string) => ({
      policyType,
      entries: [{ resource, actions: ["Pub"], sourceIps: [], decision }],
    });
    const both = policiesOf({ subject: "", policies: [one("Default", "Topic:a", "Allow"), one("Custom", "Topic:b*", "Deny")] });
    expect(refusal(both, need("Topic", "a", "Pub"), "::1")).toBeUndefined();
    expect(refusal(both, need("Topic", "b", "Pub"), "::1")).toBe(DENIED);
    const hidden = policiesOf({ subject: "", policies: [one("Default", "Topic:a", "Allow"), one("Custom", "*", "Deny")] });
    expect(refusal(hidden, need("Topic", "a", "Pub"), "::1")).toBe(DENIED);
  });

  test("no list, no right", () => {
    expect(refusal(undefined, need("Topic", "a", "Pub"), "::1")).toBe(NONE);
  });
});

describe("changes", () => {
  const lines = (of: ReturnType<typeof policies>): string[] =>
    aclInfoOf("", of).policies.flatMap(({ entries }) =>
      entries.map((entry) => `${entry.resource} ${entry.actions.join()} ${entry.decision}`),
    );

  test("an entry of the same resource is replaced, others are added", () => {
    const after = merged(policies("Topic:a Pub", "Topic:b Pub"), policies("Topic:a Sub Deny", "Group:g Sub"));
    expect(lines(after)).toEqual(["Topic:a Sub Deny", "Topic:b Pub Allow", "Group:g Sub Allow"]);
  });

  test("an entry goes, and with the last one the list", () => {
    const resource = parseResource("Topic:a")!;
    const left = without(policies("Topic:a Pub", "Topic:a* Pub"), "Custom", resource);
    expect(lines(left)).toEqual(["Topic:a* Pub Allow"]);
    expect(without(left, "Custom", parseResource("Topic:a*")!).size).toBe(0);
  });

  test.each([
    [": Pub", "The resource is null."],
    ["Tropic:a Pub", "The resource is null."],
    ["Topic:a Any", "The actions can not be Any."],
    ["Topic:a Puh", "The actions is empty."],
    ["Topic:a Pub Perhaps", "The decision is null or illegal."],
    ["Topic:a Pub Allow nowhere", "The source ip is invalid."],
    ["Topic:a Pub Allow 10.0.0.0/33", "The source ip is invalid."],
  ])("%s is refused", (entry, words) => {
    expect(() => policies(entry)).toThrow(words);
  });

  test("more entries than are looked at for a request are refused", () => {
    const many = Array.from({ length: 1_001 }, (_, i) => `Topic:t${i} Pub`);
    expect(() => policies(...many)).toThrow("at most 1000");
    expect(policies(...many.slice(1)).get("Custom")).toHaveLength(1_000);
  });
});

test.each(["*", "Topic:a", "Topic:a*", "Group:*", "Cluster:c", "Namespace:n"])("%s is written as it was read", (text) => {
  expect(resourceKey(parseResource(text)!)).toBe(text);
});
