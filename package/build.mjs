// `npm run build`: the package for npm, in dist/ (or the directory that is named): declarations by the TypeScript compiler, file by
// file as the sources lie; JavaScript in one file a door, and what doors have in common in shared/, so that a class is the same
// through each of them. A producer on Node starts in 60 ms of CPU with these, in 140 with the 160 files that they are made of.
// And a package.json of its own. `npm pack ./dist` makes the tarball; `npm run package` does both.
//
// It owns that directory, which it empties first. The sources' own package.json stays what the repository is run by: its
// `bun` and `tsx` start unbuilt TypeScript, so the built package does not ask for them. JSR (deno.json) takes the sources.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = resolve(process.argv[2] ?? join(root, "dist"));
/** What only unbuilt sources are started with. */
const NOT_NEEDED = ["bun", "tsx"];

rmSync(out, { recursive: true, force: true });
const compiler = [join(root, "node_modules/typescript/bin/tsc"), "-p", join(root, "package/tsconfig.json"), "--outDir", out];
const compiled = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (compiled.status !== 0) {
  console.error("The package was not built: the compiler's errors are above");
  process.exit(1);
}

const MQADMIN = "./cli/mqadmin.js";
/** What threads run, as the sources name it; in the package a file each, which every bundle finds from where it lies itself. */
const THREAD_MODULES = {
  "./thread_side.ts": "./adapters/shared/thread_side.js",
  "./filter_thread.ts": "./core/broker/filters/filter_thread.js",
};
const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { scripts: _scripts, devDependencies: _development, allowScripts: _allowed, private: _private, ...manifest } = source;
manifest.exports = Object.fromEntries(
  Object.entries(source.exports).map(([door, path]) => {
    const built = path.replace(/\.ts$/, "");
    return [door, { types: `${built}.d.ts`, default: `${built}.js` }];
  }),
);
manifest.dependencies = Object.fromEntries(Object.entries(source.dependencies).filter(([name]) => !NOT_NEEDED.includes(name)));
manifest.bin = { mqadmin: MQADMIN };
await bundle([...Object.values(manifest.exports).map((door) => door.default), MQADMIN, ...Object.values(THREAD_MODULES)]);
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(out, name));
console.log(`${out} holds ${manifest.name} ${manifest.version}`);

/** @param doors JavaScript files in `out`; with what they import they take the place of all that is there */
async function bundle(doors) {
  const { outputFiles } = await build({
    absWorkingDir: out,
    entryPoints: doors,
    outbase: out,
    outdir: out,
    chunkNames: "shared/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    // What npm installs, and what the runtimes have, is found where the package is.
    packages: "external",
    external: ["node:*"],
    write: false,
    logLevel: "warning",
  });
  for (const file of readdirSync(out, { recursive: true })) if (file.endsWith(".js")) rmSync(join(out, file));
  const named = new Set();
  for (const { path, text } of outputFiles) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, withThreadModules(path, text, named));
  }
  const missing = Object.keys(THREAD_MODULES).filter((module) => !named.has(module));
  if (missing.length > 0)
    throw new Error(`no bundle starts a thread with ${missing.join(", ")}: do the sources name it otherwise now?`);
}

/** @param named gets the names that were found */
function withThreadModules(path, text, named) {
  let changed = text;
  for (const [module, file] of Object.entries(THREAD_MODULES)) {
    const [before, after] = [module, `./${relative(dirname(path), join(out, file))}`].map(
      (name) => `new URL("${name}", import.meta.url)`,
    );
    if (changed.includes(before)) named.add(module);
    changed = changed.replaceAll(before, after);
  }
  return changed;
}
