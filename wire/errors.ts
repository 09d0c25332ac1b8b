/** Bytes or fields that are not what the protocol says. `message` names the place, the value and what is allowed. */
export class WireError extends Error {
  override readonly name = "WireError";
}
