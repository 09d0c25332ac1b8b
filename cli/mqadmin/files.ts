/** Files that a command reads or writes, below the working directory unless their path begins at the root. */
import { encodeUtf8 } from "../../wire/bytes.ts";
import { WireError } from "../../wire/errors.ts";
import type { CommandContext } from "./context.ts";
import { CommandError } from "./declaration.ts";

/** @throws CommandError when it is not there, or can't be read */
export function readText(context: CommandContext, path: string): string {
  const bytes = attempted("Name a file that this user may read", () => context.runtime.files.read(path));
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

/** Writes a file, and the directories above it. @param mends the sentence on what to do when that fails. @throws CommandError */
export function writeBytes(context: CommandContext, path: string, bytes: Uint8Array, mends: string): void {
  const { files } = context.runtime;
  attempted(mends, () => {
    const slash = path.lastIndexOf("/");
    if (slash > 0) files.makeDirectory(path.slice(0, slash));
    files.write(path, bytes);
  });
}

/** The same with a text. */
export function writeText(context: CommandContext, path: string, text: string, mends: string): void {
  writeBytes(context, path, encodeUtf8(text), mends);
}

/** What a runtime says of a failure names the call, the path and the reason; what mends it depends on the command. */
function attempted<T>(mends: string, action: () => T): T {
  try {
    return action();
  } catch (fault) {
    throw new CommandError(`${(fault as Error).message}. ${mends}`);
  }
}
