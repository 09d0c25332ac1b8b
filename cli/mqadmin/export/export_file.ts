/** JSON files that the export commands write. */
import { encodeUtf8 } from "../../../wire/bytes.ts";
import type { CommandContext } from "../context.ts";
import { prettyJson } from "../format.ts";

/** Apache's, on every system. */
export const EXPORT_PATH = "/tmp/rocketmq/export";

/** Writes `directory/name`, and makes the directory. @returns its path */
export function writeJson(context: CommandContext, directory: string, name: string, value: unknown): string {
  const path = `${directory}/${name}`;
  context.runtime.files.makeDirectory(directory);
  context.runtime.files.write(path, encodeUtf8(prettyJson(value)));
  return path;
}
