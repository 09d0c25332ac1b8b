/**
 * How a remoting request is signed, in ACL 1.0 and 2.0 alike: `AccessKey` and `Signature` among its ext fields.
 *
 * Signed are the values of all ext fields but the signature, ordered by name, one behind the other without anything
 * between, then the body: HMAC-SHA1 under the secret key, in base64 (AclSigner and AclUtils of Apache 5.5.0).
 */
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { ExtFields, RemotingCommand } from "../../wire/remoting_command.ts";
import { V4_9_3 } from "../../wire/version.ts";
import type { Digest } from "../runtime.ts";

export const ACCESS_KEY = "AccessKey";
export const SIGNATURE = "Signature";
const UNIQUE_KEY_QUERY = "_UNIQUE_KEY_QUERY";

/** The signature, 28 characters, of a request with these fields and this body. @param version of the sender */
export function signatureOf(digest: Digest, key: Uint8Array, fields: ExtFields, body: Uint8Array, version: number): string {
  // The default order of sort() is that of UTF-16 units, as Java's String.compareTo.
  const names = Object.keys(fields).sort();
  let text = "";
  for (const name of names) {
    if (name === SIGNATURE || (name === UNIQUE_KEY_QUERY && version <= V4_9_3)) continue;
    text += fields[name] ?? "";
  }
  const head = encodeUtf8(text);
  if (body.length === 0) return base64(digest.hmacSha1(key, head));
  const content = new Uint8Array(head.length + body.length);
  content.set(head);
  content.set(body, head.length);
  return base64(digest.hmacSha1(key, content));
}

/** Signs a request that is about to be sent; all its ext fields must be there. */
export function signCommand(digest: Digest, accessKey: string, key: Uint8Array, command: RemotingCommand): void {
  const fields = { ...command.extFields, [ACCESS_KEY]: accessKey };
  command.extFields = { ...fields, [SIGNATURE]: signatureOf(digest, key, fields, command.body, command.version) };
}

/** Takes the same time wherever `given` differs; only its length is told. */
export function sameSignature(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i % given.length);
  return difference === 0;
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));
