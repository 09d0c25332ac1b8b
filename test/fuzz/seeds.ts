import { existsSync } from "node:fs";
import { bytesOf, goldenRows } from "../wire/golden.ts";

export interface Seed {
  readonly proves: string;
  readonly bytes: Uint8Array;
}

/**
 * Lines of `seeds/<name>.txt`: what the seed proves, TAB, hex or a JSON text in quotes. Bodies also begin with what Java
 * writes for their class.
 */
export function seedsOf(target: string): Seed[] {
  const seeds: Seed[] = [];
  const [kind, className] = target.split(" ");
  if (kind === "body") {
    for (const [name, form, json = ""] of goldenRows("bodies.txt")) {
      if (name === className && form === "plain") seeds.push({ proves: "Java's own", bytes: new TextEncoder().encode(json) });
    }
  }
  const file = `${target.replaceAll(" ", "_")}.txt`;
  if (existsSync(new URL(`./seeds/${file}`, import.meta.url))) {
    for (const [proves = "", text = ""] of goldenRows(`../fuzz/seeds/${file}`)) {
      seeds.push({ proves, bytes: text.startsWith('"') ? new TextEncoder().encode(JSON.parse(text) as string) : bytesOf(text) });
    }
  }
  return seeds;
}
