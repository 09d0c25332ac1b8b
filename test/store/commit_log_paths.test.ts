/** Which directory of storePathCommitLog a file of the log goes to. */
import { expect, test } from "bun:test";
import { CommitLogPaths } from "../../core/store/commit_log_paths.ts";

const pathsOf = (storePathCommitLog: string | undefined, readOnlyCommitLogStorePaths?: string): CommitLogPaths =>
  new CommitLogPaths({ storePathRootDir: "/store", storePathCommitLog, readOnlyCommitLogStorePaths });

test("the directories that MultiPathMappedFileQueue of 5.5.0 answered for the same paths", () => {
  const paths = pathsOf("/b/log,/a/log,/c/log,/r/log", "/r/log");
  const full = new Set<string>();
  let answered = "";
  for (let index = 0; index < 12; index++) {
    if (index === 6) full.add("/b/log");
    if (index === 9) for (const path of ["/a/log", "/c/log"]) full.add(path);
    paths.full = full;
    answered += paths.directoryFor(4096 * index, 4096)[1];
  }
  expect(answered).toBe("abcabcacaabc");
});

test("one directory, none named, blanks and repetitions", () => {
  expect(pathsOf(undefined).directories).toEqual(["/store/commitlog"]);
  expect(pathsOf("/only").directoryFor(1 << 30, 1 << 30)).toBe("/only");
  expect(pathsOf(" /b , /a,/b,, ", " /c ").directories).toEqual(["/a", "/b", "/c"]);
  expect(() => pathsOf("/a", "/a")).toThrow("readOnlyCommitLogStorePaths");
});
