/**
 * The Java side of the interop tests and of the bench: finds a JDK and Maven, compiles a Maven project once, and hands
 * out class paths. It owns `target/` of the projects it builds and nothing else. Maven is asked offline first, so that a
 * machine that has run it once needs no network; what was built is recognised by a digest of the sources.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The directory of the project: the parent of `test/` and `bench/`. */
export const projectDirectory = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** The Maven project with the unmodified Apache servers and clients. */
export const interopJavaDirectory = join(projectDirectory, "test/interop/java");

/** What is needed to run Java: absolute paths of the two commands. */
export interface Toolchain {
  readonly java: string;
  readonly maven: string;
}

/** Looks a command up in `$JAVA_HOME/bin` and `$PATH`, as a shell would. */
function findCommand(name: string): string | undefined {
  const home = process.env["JAVA_HOME"];
  const directories = [...(home ? [join(home, "bin")] : []), ...(process.env["PATH"] ?? "").split(delimiter)];
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here: the next directory
    }
  }
  return undefined;
}

/** The JDK and Maven of this machine, or a sentence that says which of them is missing. */
export function findToolchain(): Toolchain | string {
  const java = findCommand("java");
  const maven = findCommand("mvn");
  if (findCommand("javac") === undefined || java === undefined) return "no JDK: neither JAVA_HOME nor PATH has javac and java";
  if (maven === undefined) return "no Maven: PATH has no mvn";
  return { java, maven };
}

/** Every file under `directory` that decides what is compiled, in a stable order. */
function sourceFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.name !== "target")
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) return sourceFiles(path);
      return entry.name.endsWith(".java") || entry.name === "pom.xml" ? [path] : [];
    })
    .sort();
}

function digestOf(files: string[]): string {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** The class path Maven resolved for one module: its own classes first. */
function readClasspath(moduleDirectory: string): string {
  const resolved = readFileSync(join(moduleDirectory, "target/classpath.txt"), "utf8").trim();
  return [join(moduleDirectory, "target/classes"), resolved].join(delimiter);
}

/** True when every jar of the recorded class path still lies in the local repository. */
function jarsAreThere(moduleDirectory: string): boolean {
  const file = join(moduleDirectory, "target/classpath.txt");
  return existsSync(file) && readFileSync(file, "utf8").trim().split(delimiter).every(existsSync);
}

/** Counts and says that `suite` does not run for want of `missing`: skipped, or with CI=true failed. */
export function withoutToolchain(suite: string, missing: string, totals: { failed: number; skipped: number }): void {
  if (process.env["CI"] === "true") {
    totals.failed++;
    console.log(`✗ ${suite}: needs a JDK and Maven, and there is ${missing}; with CI=true that is a failure`);
  } else {
    totals.skipped++;
    console.log(`- ${suite}: skipped: needs a JDK and Maven, and there is ${missing}`);
  }
}

/**
 * Compiles a Maven project unless that was done for these very sources.
 *
 * @param directory of the project's `pom.xml`
 * @param modules directories below it whose class paths are wanted; `"."` is the project itself
 * @returns a class path for each module
 * @throws Error with Maven's output when neither the offline nor the online run succeeds
 */
export function buildJava(toolchain: Toolchain, directory: string, modules: readonly string[]): Record<string, string> {
  const stampFile = join(directory, "target/sources.sha256");
  const digest = digestOf(sourceFiles(directory));
  const moduleDirectories = modules.map((module) => join(directory, module));
  const upToDate = existsSync(stampFile) && readFileSync(stampFile, "utf8") === digest && moduleDirectories.every(jarsAreThere);
  if (!upToDate) {
    const run = (...options: string[]) =>
      spawnSync(toolchain.maven, ["-q", "-B", ...options, "process-classes"], { cwd: directory, encoding: "utf8" });
    let result = run("-o");
    if (result.status !== 0) result = run();
    if (result.status !== 0) {
      throw new Error(`Cannot build ${directory}: mvn process-classes failed:\n${result.stdout}${result.stderr}`);
    }
    mkdirSync(dirname(stampFile), { recursive: true });
    writeFileSync(stampFile, digest);
  }
  return Object.fromEntries(modules.map((module, index) => [module, readClasspath(moduleDirectories[index]!)]));
}
