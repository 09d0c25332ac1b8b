/**
 * Node's built-in modules that many a process never needs, loaded when somebody does. On Bun they are programs: `node:tls`,
 * `node:crypto` and `node:zlib` come with streams and events, 6 MiB of a client that sends plain messages.
 */
import { createRequire } from "node:module";
import process from "node:process";

interface Builtins {
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:stream": typeof import("node:stream");
  readonly "node:tls": typeof import("node:tls");
  readonly "node:zlib": typeof import("node:zlib");
}

/** At once, unlike `import()`. Every call looks the module up (some 0.1 us): who needs it often keeps what it takes from it. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  // Node has this from 20.16 on. `createRequire` takes URLs of files only, and on Deno this module may have come by https.
  const found = process.getBuiltinModule?.(name) ?? createRequire(import.meta.url)(name);
  return found as Builtins[Name];
}
