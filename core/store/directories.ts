/** Directories whose entries must survive a power cut. */
import type { Files } from "../runtime.ts";

/** Makes `path` with all above it; returns the directories that got an entry by it, for `syncDirectory`. */
export function makeDirectories(files: Files, path: string): string[] {
  const changed: string[] = [];
  for (let at = path; at !== "" && !files.exists(at); ) {
    const slash = at.lastIndexOf("/");
    const parent = slash > 0 ? at.slice(0, slash) : slash === 0 ? "/" : ".";
    changed.push(parent);
    at = slash > 0 ? parent : "";
  }
  files.makeDirectory(path);
  return changed;
}
