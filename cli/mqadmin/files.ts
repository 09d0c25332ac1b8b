/** Files that a command reads or writes, below the working directory unless their path begins at the root. */
import { encodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import type { CommandContext } from "./context.ts";
import { CommandError } from "./declaration.ts";

/** @throws CommandError when it is not there */
export function readText(context: CommandContext, path: string): string {
  const bytes = context.runtime.files.read(path);
  if (bytes === undefined) throw new CommandError(`the file path ${path} does not exists`);
  return new TextDecoder().decode(bytes);
}

/** A list of JSON objects, read by the codec of a body that has it under `key`. @throws CommandError */
export function listFile<T>(context: CommandContext, path: string, key: string, codec: { parse(json: string): T }): T {
  const text = readText(context, path);
  try {
    return codec.parse(`{"${key}":${text}}`);
  } catch (fault) {
    if (!(fault instanceof WireError)) throw fault;
    throw new CommandError(`Cannot read ${path}, which is to be a list of objects as JSON: ${fault.message}`);
  }
}

/** Writes a file, and the directories above it. @throws CommandError */
export function writeText(context: CommandContext, path: string, text: string): void {
  const { files } = context.runtime;
  try {
    const slash = path.lastIndexOf("/");
    if (slash > 0) files.makeDirectory(path.slice(0, slash));
    files.write(path, encodeUtf8(text));
  } catch (fault) {
    throw new CommandError(`Cannot write ${path}: ${(fault as Error).message}`);
  }
}
