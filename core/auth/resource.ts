/** What rights are about, and the texts that name it: `Topic:orders`, `Group:shop*`, `Cluster:*`, `*`. */

export const RESOURCE_TYPES = ["Any", "Cluster", "Namespace", "Topic", "Group"] as const;
export type ResourceType = (typeof RESOURCE_TYPES)[number];
export type ResourcePattern = "LITERAL" | "PREFIXED" | "ANY";

/** In Apache's order. `All` grants every action; `Any` may only be asked for. */
export const ACTIONS = ["All", "Any", "Pub", "Sub", "Create", "Update", "Delete", "Get", "List"] as const;
export type Action = (typeof ACTIONS)[number];

/** The resource of a policy entry. */
export interface Resource {
  readonly type: ResourceType;
  /** The name, or the prefix; empty with ANY. */
  readonly name: string;
  readonly pattern: ResourcePattern;
}

/** A resource that a request touches, and what it wants to do there: one of `actions` must be granted. */
export interface Need {
  readonly type: "Cluster" | "Topic" | "Group";
  readonly name: string;
  readonly actions: readonly Action[];
}

/** Undefined when the text names no resource. Types are found in any case of letters. */
export function parseResource(text: string | undefined): Resource | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  if (text === "*") return { type: "Any", name: "", pattern: "ANY" };
  const colon = text.indexOf(":");
  const type = byName(RESOURCE_TYPES, colon < 0 ? text : text.slice(0, colon));
  if (type === undefined) return undefined;
  const name = colon < 0 ? "" : text.slice(colon + 1);
  if (name === "*") return { type, name: "", pattern: "ANY" };
  const star = name.indexOf("*");
  return name.endsWith("*") ? { type, name: name.slice(0, star), pattern: "PREFIXED" } : { type, name, pattern: "LITERAL" };
}

export function resourceKey({ type, name, pattern }: Resource): string {
  if (type === "Any") return "*";
  return pattern === "ANY" ? `${type}:*` : pattern === "PREFIXED" ? `${type}:${name}*` : `${type}:${name}`;
}

export function matches({ type, name, pattern }: Resource, need: Need): boolean {
  if (type !== "Any" && type !== need.type) return false;
  if (pattern === "ANY") return true;
  return pattern === "LITERAL" ? name === need.name : need.name.startsWith(name);
}

/** The member of `names` that is `text` but for the case of letters. */
export function byName<const N extends string>(names: readonly N[], text: string | undefined): N | undefined {
  const wanted = text?.toLowerCase();
  return names.find((name) => name.toLowerCase() === wanted);
}
