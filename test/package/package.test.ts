/**
 * The package as a user gets it: built, packed, installed by npm into an empty project without a network, type-checked there,
 * and run on each runtime; and the sources as JSR would take them.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const STEP_MS = 120_000;
const directory = mkdtempSync(join(tmpdir(), "edgemq-package-"));
const [built, project, tarballs] = [join(directory, "built"), join(directory, "project"), join(directory, "tarballs")];

/** Runs a command to its end. @throws with all it printed when it fails */
function run(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8", timeout: STEP_MS });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status ?? error?.message}\n${stdout}${stderr}`);
  return stdout;
}

const bin = (name: string): string => join(ROOT, "node_modules/.bin", name);

/** `names`, and all that they need, as they lie in this repository's node_modules. */
function withDependencies(names: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    const { dependencies = {} } = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8"));
    for (const each of Object.keys(dependencies)) visit(each);
  };
  for (const name of names) visit(name);
  return [...found];
}

beforeAll(() => {
  for (const each of [project, tarballs]) mkdirSync(each, { recursive: true });
  run(ROOT, "node", "package/build.mjs", built);
  const { dependencies } = JSON.parse(readFileSync(join(built, "package.json"), "utf8"));
  const needed = withDependencies(Object.keys(dependencies));
  const folders = [built, ...needed.map((name) => join(ROOT, "node_modules", name))];
  run(ROOT, "npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", tarballs, ...folders);
  // Without a registry npm is told of every package where its tarball is; it still compares what each asks for with the versions.
  const files = Object.fromEntries(
    readdirSync(tarballs).map((file) => {
      const manifest = JSON.parse(run(tarballs, "tar", "-xOzf", file, "package/package.json"));
      return [manifest.name as string, `file:../tarballs/${file}`];
    }),
  );
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", private: true, dependencies: files }));
  run(project, "npm", "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--silent");
  copyFileSync(join(ROOT, "test/package/program.ts"), join(project, "program.ts"));
  const compilerOptions = {
    target: "es2022",
    lib: ["es2022", "esnext.disposable", "dom"],
    module: "nodenext",
    strict: true,
    skipLibCheck: false,
    types: [],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
}, STEP_MS);

afterAll(() => rmSync(directory, { recursive: true, force: true }), STEP_MS);

describe("the package, installed into an empty project", () => {
  test("holds JavaScript and declarations, and asks for no runtime", () => {
    const installed = join(project, "node_modules/edgemq");
    const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
    expect(Object.keys(manifest.dependencies)).not.toContain("bun");
    expect(manifest.private).toBeUndefined();
    const files = readdirSync(installed, { recursive: true }) as string[];
    for (const door of Object.values<{ types: string; default: string }>(manifest.exports)) {
      expect(files).toContain(door.types.slice(2));
      expect(files).toContain(door.default.slice(2));
    }
    expect(files.filter((file) => /(?<!\.d)\.ts$/.test(file))).toEqual([]);
  });

  test("finds what its threads run, from every bundle that starts one", () => {
    const installed = join(project, "node_modules/edgemq");
    const named = (readdirSync(installed, { recursive: true }) as string[])
      .filter((file) => file.endsWith(".js"))
      .flatMap((file) => {
        const text = readFileSync(join(installed, file), "utf8");
        return [...text.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map(([, to = ""]) =>
          join(installed, file, "..", to),
        );
      });
    expect(new Set(named.map((path) => path.slice(installed.length + 1)))).toEqual(
      new Set(["adapters/shared/thread_side.js", "core/broker/filters/filter_thread.js"]),
    );
    for (const path of named) expect(existsSync(path)).toBe(true);
  });

  test("starts its threads on Node, Bun and Deno", () => {
    copyFileSync(join(ROOT, "test/package/thread.mjs"), join(project, "thread.mjs"));
    const said = "looked at 0 of 0 bytes\n";
    expect(run(project, "node", "thread.mjs", "node")).toBe(said);
    expect(run(project, bin("bun"), "thread.mjs", "bun")).toBe(said);
    expect(run(project, bin("deno"), "run", "-A", "thread.mjs", "deno")).toBe(said);
  });

  test("brings mqadmin, for npx", () => {
    const list = run(project, join(project, "node_modules/.bin/mqadmin"));
    expect(list).toContain("   topicRoute                          Examine topic route info.\n");
    expect(run(project, bin("bun"), "node_modules/edgemq/cli/mqadmin.js")).toBe(list);
  });

  test(
    "type-checks, its own declarations included, and runs as JavaScript on Node, Bun and Deno",
    () => {
      run(project, bin("tsc"), "-p", ".");
      const said = (name: string) => `${name} ${name} SEND_OK hello invalid 0\n`;
      expect(run(project, "node", "program.js")).toBe(said("node"));
      expect(run(project, bin("bun"), "program.js")).toBe(said("bun"));
      expect(run(project, bin("deno"), "run", "-A", "program.js")).toBe(said("deno"));
    },
    STEP_MS,
  );
});

test(
  "deno publish takes the sources as they are: types of the public doors are written out",
  () => {
    // That the sources type-check is `npm run check`; here it would double the time.
    run(ROOT, bin("deno"), "publish", "--dry-run", "--allow-dirty", "--no-check");
  },
  STEP_MS,
);
