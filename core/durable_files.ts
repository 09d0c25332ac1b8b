/**
 * Replacing a small file so that a power cut leaves the old one or the new one, never half of one. For configuration:
 * everything here is synchronous and waits for the disk.
 */
import type { Files } from "./runtime.ts";

/**
 * Puts `bytes` at `path`; what was there stays as `path.bak`, where Apache keeps it. Directories that are missing are made.
 * On return all of it is on the disk. With `private`, for secrets, both are readable by their owner only. Throws the
 * RuntimeFault of the call that failed; `path` holds its old content then.
 */
export function replaceFile(files: Files, path: string, bytes: Uint8Array, options: { private?: boolean } = {}): void {
  const directory = directoryOf(path);
  makeDirectoryDurably(files, directory);
  const fresh = `${path}.tmp`;
  // Who may read a file is settled when it is made.
  if (options.private === true) for (const leftover of [fresh, `${path}.bak`]) if (files.exists(leftover)) files.remove(leftover);
  const old = files.read(path);
  if (old !== undefined) files.write(`${path}.bak`, old, { ...options, sync: true });
  files.write(fresh, bytes, { ...options, sync: true });
  files.rename(fresh, path);
  files.syncDirectory(directory);
}

/** Makes `path` and what is missing above it; a new entry is durable only when the directory that holds it was synced. */
export function makeDirectoryDurably(files: Files, path: string): void {
  const made: string[] = [];
  for (let missing = path; !files.exists(missing); missing = directoryOf(missing)) {
    made.push(directoryOf(missing));
    if (missing === directoryOf(missing)) break;
  }
  if (made.length === 0) return;
  files.makeDirectory(path);
  for (const directory of made) files.syncDirectory(directory);
}

/** The directory that holds `path`: "." for a bare name, "/" at the top. */
export function directoryOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, Math.max(slash, 1));
}
