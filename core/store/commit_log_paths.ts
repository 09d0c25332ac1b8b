/**
 * Where the files of the log lie: one directory, or several, as a rule on several disks (`storePathCommitLog` with commas,
 * Apache's MultiPathMappedFileQueue). Each file is whole in one directory; all of them together are the log.
 *
 * Apache's choice, so that both spread files alike: of the directories that are neither read-only nor full, in alphabetical
 * order, the one with the number "index of the file modulo count"; when all are full, fullness is not looked at.
 */
import type { FilePlaces } from "./file_queue.ts";
import type { StoreSettings } from "./options.ts";

/** Apache's MixAll.MULTI_PATH_SPLITTER; there a system property can change it. */
const SEPARATOR = ",";

export class CommitLogPaths implements FilePlaces {
  /** Directories for new files, in alphabetical order. */
  readonly writable: readonly string[];
  /** Directories whose files are read, and removed when they expire. */
  readonly readOnly: readonly string[];
  /** Directories that get no new file while there is another. Kept by `DiskGuard`. */
  full: ReadonlySet<string> = new Set();

  /** @throws Error when storePathCommitLog names no directory that may be written to */
  constructor(settings: Pick<StoreSettings, "storePathRootDir" | "storePathCommitLog" | "readOnlyCommitLogStorePaths">) {
    const { storePathRootDir, storePathCommitLog = `${storePathRootDir}/commitlog`, readOnlyCommitLogStorePaths } = settings;
    this.readOnly = pathsOf(readOnlyCommitLogStorePaths ?? "");
    this.writable = pathsOf(storePathCommitLog).filter((path) => !this.readOnly.includes(path));
    if (this.writable.length === 0) {
      throw new Error(
        `storePathCommitLog is "${storePathCommitLog}" and readOnlyCommitLogStorePaths is "${readOnlyCommitLogStorePaths ?? ""}": ` +
          "no directory is left for new files of the commit log; name one in storePathCommitLog only",
      );
    }
  }

  get directories(): readonly string[] {
    return [...this.writable, ...this.readOnly];
  }

  isReadOnly(directory: string): boolean {
    return this.readOnly.includes(directory);
  }

  directoryFor(base: number, fileSize: number): string {
    const roomy = this.writable.filter((path) => !this.full.has(path));
    const paths = roomy.length > 0 ? roomy : this.writable;
    return paths[Math.floor(base / fileSize) % paths.length] as string;
  }
}

/** Each once, sorted. Apache trims the text only as a whole; a blank behind a comma is no part of a name here. */
function pathsOf(text: string): string[] {
  const paths = text.split(SEPARATOR).map((path) => path.trim());
  return [...new Set(paths.filter((path) => path !== ""))].sort();
}
