/** Network namespaces with cables between them, by `ip` of iproute2. Needs root; nothing of the host's own network is touched. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import type { Command } from "../interop/processes.ts";

/** Why there can be none here, or undefined. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "not root";
  const name = `edgemq-try-${process.pid}`;
  const tried = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (tried.error !== undefined) return "no ip command (iproute2)";
  if (tried.status !== 0) return `ip netns add: ${tried.stderr.trim()}`;
  spawnSync("ip", ["netns", "delete", name]);
  return undefined;
}

let counter = 0;

/** A machine of its own with loopback and no card yet. */
export class Namespace {
  readonly name = `edgemq-${process.pid}-${counter++}`;

  constructor() {
    ip("netns", "add", this.name);
    ip("-n", this.name, "link", "set", "lo", "up");
  }

  /** The command, run in here. */
  command({ program, args, ...rest }: Command): Command {
    return { ...rest, program: "ip", args: ["netns", "exec", this.name, program, ...args] };
  }

  delete(): void {
    ip("netns", "delete", this.name);
  }
}

/** Connects two namespaces by a cable; each end is a card with an address (`10.77.1.1`, `fd77:1::1`). */
export function cable(a: Namespace, addressA: string, b: Namespace, addressB: string): void {
  const [cardA, cardB] = [`v${process.pid % 10_000}a${counter}`, `v${process.pid % 10_000}b${counter++}`];
  ip("link", "add", cardA, "netns", a.name, "type", "veth", "peer", "name", cardB, "netns", b.name);
  for (const [space, card, address] of [
    [a, cardA, addressA],
    [b, cardB, addressB],
  ] as const) {
    // Without nodad an IPv6 address can't be bound for the first seconds.
    const ending = address.includes(":") ? [`${address}/64`, "nodad"] : [`${address}/24`];
    ip("-n", space.name, "address", "add", ...ending, "dev", card);
    ip("-n", space.name, "link", "set", card, "up");
  }
}

function ip(...args: string[]): void {
  const done = spawnSync("ip", args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`ip ${args.join(" ")}: ${done.stderr}`);
}
