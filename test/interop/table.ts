/** `npm run docs:interop`: writes docs/interop.md from what `run.ts` came to last. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { interopPage } from "./interop_page.ts";
import { keptResults } from "./results.ts";
import { projectDirectory } from "./toolchain.ts";

const page = join(projectDirectory, "docs/interop.md");
const results = keptResults();
if (results.length === 0) throw new Error("Cannot make docs/interop.md: nothing was run; `bun test/interop/run.ts` does");
writeFileSync(page, interopPage(results, existsSync(page) ? readFileSync(page, "utf8") : ""));
const cases = results.reduce((sum, { cases: own }) => sum + Object.keys(own).length, 0);
console.log(`docs/interop.md: ${cases} outcomes of ${results.length} combinations`);
