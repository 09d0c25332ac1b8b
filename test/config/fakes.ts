/** A machine and a disk for tests of configuration: nothing but what these read. */
import type { Files, Log, System } from "../../core/runtime.ts";

export function fakeSystem(environment: Readonly<Record<string, string>> = {}, more: Partial<System> = {}): System {
  return {
    pid: 1,
    hostName: () => "machine",
    interfaces: () => [
      { name: "lo", host: "127.0.0.1", family: 4, loopback: true },
      { name: "eth0", host: "10.0.0.5", family: 4, loopback: false },
    ],
    memory: () => ({ totalBytes: 2 ** 31, residentBytes: 2 ** 26 }),
    cpuCount: () => 2,
    environment: (name) => environment[name],
    homeDirectory: () => "/home/me",
    utcOffsetMinutes: () => 0,
    ...more,
  };
}

/** A log that keeps its lines: level, message, and the fields as JSON when there are any. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  return { lines, error: keep("error"), warn: keep("warn"), info: keep("info"), debug: keep("debug") };
}

/** Whole files in memory; `refuse` makes every write fail. */
export function fakeFiles(refuse = { writes: false }): Files & { readonly content: Map<string, string> } {
  const content = new Map<string, string>();
  const notHere = (): never => {
    throw new Error("not part of this fake");
  };
  return {
    content,
    open: notHere,
    exists: (path) => content.has(path) || !path.includes("."),
    stat: notHere,
    list: notHere,
    makeDirectory: () => {},
    rename: (from, to) => {
      content.set(to, content.get(from) ?? "");
      content.delete(from);
    },
    remove: (path) => void content.delete(path),
    removeTree: notHere,
    syncDirectory: () => {},
    syncDirectoryLater: async () => {},
    createSparse: notHere,
    read: (path) => (content.has(path) ? new TextEncoder().encode(content.get(path)) : undefined),
    write: (path, bytes) => {
      if (refuse.writes) {
        throw new Error("EROFS: read-only file system");
      }
      content.set(path, new TextDecoder().decode(bytes));
    },
    lock: notHere,
    diskSpace: notHere,
  };
}
