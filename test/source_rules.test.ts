/** The house rules over the sources, as far as a program can tell. A finding is `file:line what`. */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { type Code, codeOnly } from "./support/code_only.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Trouble begins in the thousands; by then nobody splits any more. */
const FILE_LINES_MAX = 700;

/**
 * What a folder may import beside itself, what is directly in `core`, and `wire`. Not in here: nothing more.
 * `store` knows no connection, `remoting` no role, and nobody imports upwards.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "core/console": ["core/client"],
  "core/gateway": ["core/client"],
  "core/proxy": ["core/client", "core/broker", "core/auth"],
  "core/broker": ["core/store", "core/remoting", "core/routing", "core/filter", "core/auth", "core/metrics", "core/client"],
  "core/namesrv": ["core/remoting", "core/routing", "core/auth", "core/metrics"],
  "core/controller": ["core/remoting", "core/routing", "core/auth"],
  "core/client": ["core/remoting", "core/routing", "core/auth"],
  "core/store": ["core/metrics"],
  cli: ["adapters", "core/*"],
  // The doors of the package: mod.ts and what it puts together.
  ".": ["adapters", "core/*"],
};

interface Source extends Code {
  /** From the project's root. */
  readonly path: string;
  /** `wire`, `core`, `core/store`, `adapters` …: the part that the rules on imports speak of. */
  readonly part: string;
  readonly imports: readonly { specifier: string; typeOnly: boolean; line: number }[];
}

const doors = readdirSync(ROOT).filter((name) => name.endsWith(".ts"));
const sources = [...doors, "wire", "core", "adapters", "cli", "bench", "test"].flatMap(filesBelow).map(readSource);
const within = (...parts: string[]) =>
  sources.filter(({ path }) => parts.some((part) => path === part || path.startsWith(`${part}/`)));

describe("imports", () => {
  test("follow the directions of the design", () => {
    const findings = within("wire", "core", "adapters", "cli", ...doors).flatMap((source) =>
      source.imports
        .filter(({ specifier }) => specifier.startsWith("."))
        .filter(({ specifier, typeOnly }) => !allowed(source, posix.join(dirname(source.path), specifier), typeOnly))
        .map(({ specifier, line }) => `${source.path}:${line} imports ${specifier}`),
    );
    expect(findings).toEqual([]);
  });

  test("go in no circle, types included", () => {
    expect(circles(within("wire", "core", "adapters", "cli", ...doors))).toEqual([]);
  });

  test("of our own files end in .ts", () => {
    const findings = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ specifier }) => specifier.startsWith(".") && !/\.(ts|mjs|json)$/.test(specifier))
        .map(({ specifier, line }) => `${path}:${line} imports ${specifier}`),
    );
    expect(findings).toEqual([]);
  });

  test("in wire, core/store and core/remoting need no package, and no runtime's module anywhere in wire and core", () => {
    const free = (part: string) => part === "wire" || part === "core/store" || part === "core/remoting";
    const findings = within("wire", "core").flatMap(({ path, part, imports }) =>
      imports
        .filter(({ specifier }) => /^(node|bun|npm|jsr):|^bun$/.test(specifier) || (free(part) && !specifier.startsWith(".")))
        .map(({ specifier, line }) => `${path}:${line} imports ${specifier}`),
    );
    expect(findings).toEqual([]);
  });
});

describe("the world is reached through the Runtime only", () => {
  // In wire and core. A method of the same name (`clock.setTimeout`) is what they are to use.
  const FORBIDDEN = [
    /(?<![\w.$])(?:Bun|Deno|process|globalThis)(?=\.|\[)/,
    /(?<![\w.$#])(?:setTimeout|setInterval|setImmediate|clearTimeout|clearInterval|fetch|require)\s*\(/,
    /\bDate\.now\b|\bnew Date\(\s*\)|(?<![\w.$])Date\(\s*\)/,
    /\bMath\.random\b|(?<![\w.$])performance\.|(?<![\w.$])crypto\.|(?<![\w.$])console\./,
    /(?<![\w.$])Buffer\b/,
  ];

  test.each(FORBIDDEN.map((pattern) => [pattern]))("never by %s", (pattern) => {
    // The port itself declares methods of these names.
    const found = linesOf(within("wire", "core"), pattern).filter((line) => !line.startsWith("core/runtime.ts:"));
    expect(found).toEqual([]);
  });
});

describe("state", () => {
  test("no variable lives at the level of a module in wire, core and adapters", () => {
    expect(linesOf(within("wire", "core", "adapters"), /^(?:export )?(?:let|var) /)).toEqual([]);
  });

  test("a collection at the level of a module has a type, and so says that it is read-only", () => {
    const pattern = /^(?:export )?const \w+ = new (?:Map|Set|WeakMap|WeakSet)\b/;
    expect(linesOf(within("wire", "core", "adapters"), pattern)).toEqual([]);
  });
});

describe("every file", () => {
  test(`has at most ${FILE_LINES_MAX} lines`, () => {
    const findings = sources
      .filter(({ lines }) => lines.length > FILE_LINES_MAX)
      .map(({ path, lines }) => `${path} ${lines.length}`);
    expect(findings).toEqual([]);
  });

  test("leaves nothing to be done later", () => {
    const findings = sources
      .filter(({ path }) => path !== "test/source_rules.test.ts")
      .flatMap(({ path, text }) => grep(path, text.split("\n"), /\b(?:TODO|FIXME|XXX|HACK)\b/));
    expect(findings).toEqual([]);
  });

  test("names in its comments only files that are there", () => {
    const findings = sources.flatMap(({ path, text }) =>
      [...text.matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|mjs|md|java))`/g)]
        .map(([, named = ""]) => named)
        .filter((named) => !existsSync(`${ROOT}${posix.join(dirname(path), named)}`) && !existsSync(`${ROOT}${named}`))
        .map((named) => `${path} names ${named}`),
    );
    expect(findings).toEqual([]);
  });

  test("runs on Node 20", () => {
    // Later additions to the language's library: Promise.withResolvers, iterator helpers, Set algebra, hex and base64 …
    const later = [
      /\bPromise\.(?:withResolvers|try)\b|\bArray\.fromAsync\b|\b(?:Object|Map)\.groupBy\b|\bIterator\.from\b/,
      /\.(?:values|keys|entries|matchAll)\(\)\s*\.(?:map|filter|find|some|every|reduce|forEach|flatMap|take|drop|toArray)\b/,
      /\.(?:isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference)\(|\.(?:toHex|toBase64|fromHex|fromBase64)\(/,
      /^\s*(?:await )?using \w+ =/,
    ];
    expect(later.flatMap((pattern) => linesOf(sources, pattern))).toEqual([]);
  });
});

function allowed(source: Source, target: string, typeOnly: boolean): boolean {
  const part = partOf(target);
  if (part === source.part) return true;
  if (source.part === "adapters") return target === "core/runtime.ts" && typeOnly;
  if (source.part === "wire") return false;
  // What stands between the configuration and a role names the role's settings, and runs nothing of it.
  if (source.part === "core") return part === "wire" || (part.startsWith("core/") && typeOnly);
  if (part === "wire" || part === "core") return true;
  return (MAY_IMPORT[source.part] ?? []).some((may) => may === part || (may === "core/*" && part.startsWith("core")));
}

/** Each as `a -> b -> a`: what imports a file that is still waiting for its own imports. */
function circles(files: readonly Source[]): string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, way: readonly string[]): void => {
    const begin = way.indexOf(path);
    if (begin >= 0) found.push([...way.slice(begin), path].join(" -> "));
    if (begin >= 0 || done.has(path)) return;
    const relative = (byPath.get(path)?.imports ?? []).filter(({ specifier }) => specifier.startsWith("."));
    for (const { specifier } of relative) walk(posix.join(dirname(path), specifier), [...way, path]);
    done.add(path);
  };
  for (const { path } of files) walk(path, []);
  return found;
}

/** Files directly in `core` are the part `core`; a folder in it is a part of its own. */
function partOf(path: string): string {
  const [first, second, third] = path.split("/");
  if (second === undefined) return ".";
  return first === "core" && third !== undefined ? `core/${second}` : first!;
}

function linesOf(files: readonly Source[], pattern: RegExp): string[] {
  return files.flatMap(({ path, lines }) => grep(path, lines, pattern));
}

function grep(path: string, lines: readonly string[], pattern: RegExp): string[] {
  return lines.flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : []));
}

function readSource(path: string): Source {
  const text = readFileSync(`${ROOT}${path}`, "utf8");
  const code = codeOnly(text);
  return { path, part: partOf(path), imports: importsOf(text, code.lines), ...code };
}

/** Specifiers are strings, which `codeOnly` blanks: they are looked up in the text, where the code has an import. */
function importsOf(text: string, code: readonly string[]): Source["imports"] {
  const raw = text.split("\n");
  const found: { specifier: string; typeOnly: boolean; line: number }[] = [];
  let statement = "";
  code.forEach((line, i) => {
    if (/^(?:import|export)\b/.test(line)) statement = line;
    const specifier = /(?:\bfrom|^import|\bimport\() ?["']([^"']+)["']/.exec(raw[i]!)?.[1];
    const isCode = /(?:\bfrom|^import|\bimport\() ?["']/.test(line);
    if (specifier === undefined || !isCode) return;
    found.push({ specifier, typeOnly: /^(?:import|export) type\b/.test(statement), line: i + 1 });
  });
  return found;
}

function filesBelow(path: string): string[] {
  if (/\.(?:ts|mjs)$/.test(path)) return [path];
  if (!existsSync(`${ROOT}${path}`) || !statSync(`${ROOT}${path}`).isDirectory()) return [];
  return readdirSync(`${ROOT}${path}`)
    .sort()
    .flatMap((name) => filesBelow(`${path}/${name}`));
}
