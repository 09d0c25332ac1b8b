/** JSON files that the export commands write. */
import type { CommandContext } from "../context.ts";
import { writeText } from "../files.ts";
import { prettyJson } from "../format.ts";

/** Apache's, on every system. */
export const EXPORT_PATH = "/tmp/rocketmq/export";

/** Writes `directory/name`, and makes the directory. @returns its path. @throws CommandError when this user can't */
export function writeJson(context: CommandContext, directory: string, name: string, value: unknown): string {
  const path = `${directory}/${name}`;
  writeText(context, path, prettyJson(value), "Name a directory that this user may write with -f");
  return path;
}
