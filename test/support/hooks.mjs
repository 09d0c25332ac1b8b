// For Node: `bun:test` is `bun_test.ts` beside this file. TypeScript itself is tsx's work (`--import tsx`).
import { register } from "node:module";

const resolver = `export async function resolve(specifier, context, next) {
  return specifier === "bun:test" ? next(${JSON.stringify(new URL("./bun_test.ts", import.meta.url).href)}, context) : next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(resolver)}`);
