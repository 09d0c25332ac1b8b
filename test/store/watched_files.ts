/** A runtime whose disk is watched: which calls went to it, how large they were, and how many were under way at once. */
import type { FileHandle, Files, OpenOptions, Runtime } from "../../core/runtime.ts";

export type FileCall = "read" | "readSync" | "write" | "writeSync" | "dataSync" | "dataSyncSync" | "syncDirectory";

export interface WatchedCall {
  readonly call: FileCall;
  readonly path: string;
  readonly position: number;
  readonly bytes: number;
  /** Clock.monotonic() when it was made. */
  readonly at: number;
}

export interface Watch {
  /** In the order in which they were made; cut it to begin anew. */
  readonly calls: WatchedCall[];
  readonly openFiles: number;
  openFilesMax: number;
  /** Asynchronous reads under way, and the most there ever were. */
  reading: number;
  readingMax: number;
  /** How often a path that contains `part` was opened. */
  opened(part: string): number;
  /** Calls of these kinds on paths that contain `part`. */
  count(part: string, ...kinds: FileCall[]): number;
}

/** @returns the same runtime, but for its files */
export function watched<T extends Runtime>(runtime: T): { runtime: T; watch: Watch } {
  const calls: WatchedCall[] = [];
  const openings: string[] = [];
  let openFiles = 0;
  const watch: Watch = {
    calls,
    get openFiles() {
      return openFiles;
    },
    openFilesMax: 0,
    reading: 0,
    readingMax: 0,
    opened: (part) => openings.filter((path) => path.includes(part)).length,
    count: (part, ...kinds) => calls.filter(({ call, path }) => kinds.includes(call) && path.includes(part)).length,
  };
  const note = (call: FileCall, path: string, position = 0, bytes = 0): void => {
    calls.push({ call, path, position, bytes, at: runtime.clock.monotonic() });
  };
  const open = (path: string, options?: OpenOptions): FileHandle => {
    const file = runtime.files.open(path, options);
    openFiles++;
    openings.push(path);
    watch.openFilesMax = Math.max(watch.openFilesMax, openFiles);
    let closed = false;
    return {
      path,
      readSync(target, position) {
        note("readSync", path, position, target.length);
        return file.readSync(target, position);
      },
      readCached: (target, position) => file.readCached(target, position),
      pagesInMemory: (position, length) => file.pagesInMemory(position, length),
      async read(target, position) {
        note("read", path, position, target.length);
        watch.readingMax = Math.max(watch.readingMax, ++watch.reading);
        try {
          return await file.read(target, position);
        } finally {
          watch.reading--;
        }
      },
      writeSync(bytes, position) {
        note("writeSync", path, position, bytes.length);
        file.writeSync(bytes, position);
      },
      write(bytes, position) {
        note("write", path, position, bytes.length);
        return file.write(bytes, position);
      },
      dataSyncSync() {
        note("dataSyncSync", path);
        file.dataSyncSync();
      },
      dataSync() {
        note("dataSync", path);
        return file.dataSync();
      },
      truncate: (size) => file.truncate(size),
      size: () => file.size(),
      close() {
        if (!closed) openFiles--;
        closed = true;
        file.close();
      },
    };
  };
  const files = new Proxy(runtime.files, {
    get(target, name) {
      if (name === "open") return open;
      if (name === "syncDirectory") {
        return (path: string): void => {
          note("syncDirectory", path);
          target.syncDirectory(path);
        };
      }
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  }) as Files;
  return {
    runtime: new Proxy(runtime, { get: (target, name) => (name === "files" ? files : Reflect.get(target, name)) }),
    watch,
  };
}
