// `npm run build`: the package for npm, in dist/ (or the directory that is named): JavaScript and declarations by the TypeScript compiler, file by file as the
// sources lie, and a package.json of its own. `npm pack ./dist` makes the tarball; `npm run package` does both.
//
// It owns that directory, which it empties first. The sources' own package.json stays what the repository is run by: its
// `bun` and `tsx` start unbuilt TypeScript, so the built package does not ask for them. JSR (deno.json) takes the sources.
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

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

const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { scripts: _scripts, devDependencies: _development, allowScripts: _allowed, private: _private, ...manifest } = source;
manifest.exports = Object.fromEntries(
  Object.entries(source.exports).map(([door, path]) => {
    const built = path.replace(/\.ts$/, "");
    return [door, { types: `${built}.d.ts`, default: `${built}.js` }];
  }),
);
manifest.dependencies = Object.fromEntries(Object.entries(source.dependencies).filter(([name]) => !NOT_NEEDED.includes(name)));
manifest.bin = { mqadmin: "./cli/mqadmin.js" };
writeFileSync(join(out, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const name of ["README.md", "LICENSE"]) copyFileSync(join(root, name), join(out, name));
console.log(`${out} holds ${manifest.name} ${manifest.version}`);
