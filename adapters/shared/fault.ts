/** The one error class of all adapters. Core tells faults apart by `code`, people by `message`. */
import type { RuntimeFault } from "../../core/runtime.ts";

export class Fault extends Error implements RuntimeFault {
  override readonly name = "RuntimeFault";
  readonly code: string;
  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** `error` as a Fault whose message begins with what was tried and on what: `Cannot write 4096 bytes to "a/b": ENOSPC …`. */
export function faultOf(error: unknown, tried: string): Fault {
  if (error instanceof Fault) return error;
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  return new Fault(code, `${tried}: ${reason.startsWith(code) ? reason : `${code}: ${reason}`}`, error);
}

/** The system's name for the error (`ENOENT`), or `EIO` for an error that carries none. */
export function codeOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") return error.code;
  return "EIO";
}
