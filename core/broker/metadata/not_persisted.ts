/** What the client is told whose change could not be written to its file, and so was not made. */
import { ResponseCode } from "../../../wire/response_code.ts";
import { RemotingError } from "../../remoting/processor.ts";

/** @param what that was to be changed, such as `the topic T` */
export function notPersisted(what: string, fault: unknown): RemotingError {
  const text = fault instanceof Error ? fault.message : String(fault);
  return new RemotingError(
    ResponseCode.SYSTEM_ERROR,
    `Cannot keep ${what}, so nothing was changed: ${text}. Check the disk of storePathRootDir`,
  );
}
