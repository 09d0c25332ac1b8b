/** Why a server did not start, as a sentence that names the key or option that mends it. */
import { ConfigError } from "../core/config.ts";
import { PropertiesError } from "../core/properties.ts";

/** What a command lets its user set, for the sentence's end. */
export interface Remedies {
  /** `listenPort in broker.conf`, or `--broker-port`. */
  readonly port: string;
  /** `storePathRootDir in broker.conf`, or `--data`. */
  readonly directory: string;
  /** `bindAddress`, or `--listen`. */
  readonly address: string;
}

export function explainFailure(fault: unknown, remedies: Remedies): string {
  if (fault instanceof ConfigError) {
    return fault.problems.join("\n");
  }
  const message = fault instanceof Error ? fault.message : String(fault);
  if (fault instanceof PropertiesError) {
    return message;
  }
  const hint =
    hintFor(codeOf(fault), remedies) ?? (message.startsWith("Cannot listen on ") ? noSuchAddress(remedies) : undefined);
  return hint === undefined || message.includes(hint) ? message : `${message}. ${hint}`;
}

function hintFor(code: string | undefined, remedies: Remedies): string | undefined {
  switch (code) {
    case "EADDRINUSE":
      return `Another process, or another port of this one, has this port: stop it, or choose another port with ${remedies.port}`;
    case "EADDRNOTAVAIL":
      return noSuchAddress(remedies);
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `Choose a port and a directory that this user may use, with ${remedies.port} and ${remedies.directory}`;
    case "ENOTDIR":
    case "ENOENT":
      return `Choose a directory that is there, or can be made, with ${remedies.directory}`;
    case "EMFILE":
    case "ENFILE":
      return "This process may have no more open files: raise the limit (ulimit -n), or lower openFilesMax";
    case "ELOCKED":
      return `Another process works on this directory: stop it, or choose another directory with ${remedies.directory}`;
    case "ENOSPC":
      return `Free some space, or choose another directory with ${remedies.directory}`;
    default:
      return undefined;
  }
}

/** Also for what a runtime can't name better: Bun says EIO of an address that it can't make out. */
function noSuchAddress(remedies: Remedies): string {
  return `This machine has no such address: choose one that it has with ${remedies.address}`;
}

function codeOf(fault: unknown): string | undefined {
  for (let at = fault, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if ("code" in at && typeof at.code === "string") {
      return at.code;
    }
  }
  return undefined;
}
