/** What lies in a store directory, as bytes to compare. Sparse gigabytes are read at their beginnings only. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** More than any test writes into one file. */
const BYTES_READ_MAX = 4 * 1024 * 1024;

/** Path below the directory to the file's bytes without the zeros at its end. */
export type StoreFiles = ReadonlyMap<string, Uint8Array>;

/** @param directories names below `root` to look into; all when left out */
export function filesOf(root: string, directories?: readonly string[]): StoreFiles {
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name).slice(root.length + 1);
    if (directories === undefined || directories.includes(path.split("/")[0] ?? "")) files.set(path, bytesOf(join(root, path)));
  }
  return files;
}

function bytesOf(path: string): Uint8Array {
  const bytes = new Uint8Array(Math.min(statSync(path).size, BYTES_READ_MAX));
  const fd = openSync(path, "r");
  try {
    let end = readSync(fd, bytes, 0, bytes.length, 0);
    while (end > 0 && bytes[end - 1] === 0) end--;
    return bytes.subarray(0, end);
  } finally {
    closeSync(fd);
  }
}

/**
 * Sentences for what is not as before. With `grows` no difference are: what follows the old bytes of a file, new files, and a
 * file without bytes (made ahead) that went.
 */
export function differences(before: StoreFiles, after: StoreFiles, grows = false): string[] {
  const found: string[] = [];
  for (const [path, bytes] of before) {
    const now = after.get(path);
    if (now === undefined) {
      if (!grows || bytes.length > 0) found.push(`${path} is gone`);
    } else if (Buffer.compare(grows ? now.subarray(0, bytes.length) : now, bytes) !== 0)
      found.push(`${path} has other bytes from ${firstOther(bytes, now)} of ${bytes.length}, now ${now.length}`);
  }
  if (!grows) for (const path of after.keys()) if (!before.has(path)) found.push(`${path} is new`);
  return found;
}

function firstOther(before: Uint8Array, now: Uint8Array): number {
  let at = 0;
  while (at < before.length && before[at] === now[at]) at++;
  return at;
}
