/** Directories whose entries must survive a power cut. */
import { directoryOf } from "../durable_files.ts";
import type { Files, RuntimeFault } from "../runtime.ts";

/** Makes `path` with all above it; returns the directories that got an entry by it, for `syncDirectory`. */
export function makeDirectories(files: Files, path: string): string[] {
  const changed: string[] = [];
  for (let at = path; at !== "" && !files.exists(at); ) {
    const parent = directoryOf(at);
    changed.push(parent);
    at = parent === "/" || parent === "." ? "" : parent;
  }
  files.makeDirectory(path);
  return changed;
}

/** Makes the entries of all directories on the way to `path` durable. @throws RuntimeFault */
export function syncAncestors(files: Files, path: string): void {
  for (let at = path; at !== "/" && at !== "."; ) {
    at = directoryOf(at);
    try {
      files.syncDirectory(at);
    } catch (error) {
      // Who may not read it did not make an entry in it either, or not with the rights of today.
      const { code } = error as RuntimeFault;
      if (code !== "EACCES" && code !== "EPERM") throw error;
    }
  }
}
