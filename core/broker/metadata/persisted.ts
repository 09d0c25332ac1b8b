/** Topics, groups and mappings are changed in memory and in their file, or not at all; the client is told which. */
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";

/**
 * Puts `entries`, by name, into `table`, and keeps them by `persist`; when that fails, what was there before is there again.
 * @param what they are, such as `the topic`
 * @throws RemotingError SYSTEM_ERROR
 */
export function putPersisted<T>(
  what: string,
  table: Map<string, T>,
  entries: readonly (readonly [name: string, value: T])[],
  persist: () => void,
): void {
  const before = entries.map(([name]) => table.get(name));
  for (const [name, value] of entries) table.set(name, value);
  try {
    persist();
  } catch (fault) {
    for (const [index, [name]] of entries.entries()) {
      const former = before[index];
      if (former === undefined) table.delete(name);
      else table.set(name, former);
    }
    throw notPersisted(`${what} ${entries.map(([name]) => name).join(", ")}`, fault);
  }
}

function notPersisted(what: string, fault: unknown): RemotingError {
  const text = fault instanceof Error ? fault.message : String(fault);
  return new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `Cannot keep ${what}, so nothing was changed: ${text}. Check the disk of storePathRootDir`,
  );
}
