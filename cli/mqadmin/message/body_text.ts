/** Bodies as text, by the names of character sets that Java knows. */
import { UsageError } from "../declaration.ts";

/** @param name of the option, for the message. @throws UsageError for a set that this runtime does not know */
export function decoderOf(charset: string, name: string): (body: Uint8Array) => string {
  try {
    const decoder = new TextDecoder(charset);
    return (body) => decoder.decode(body);
  } catch {
    throw new UsageError(`--${name} ${charset}: no character set is known by this name; UTF-8, GBK and ISO-8859-1 are`);
  }
}
