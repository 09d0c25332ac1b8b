/**
 * Who a client is: the keys that its requests are signed with, the same for ACL 1.0 and 2.0. The signature is over all header
 * fields and the body, so each request has its own; the secret itself is never sent.
 */
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { signCommand } from "../auth/signature.ts";
import type { Digest } from "../runtime.ts";
import { MQClientError } from "./errors.ts";

export interface SessionCredentials {
  /** ACL 1.0: the account's accessKey; ACL 2.0: the user's name. */
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of a temporary pair of keys: sent along, and signed. */
  readonly securityToken?: string | undefined;
}

/** Fixed, or asked for at each request: a function may give other keys when the old ones run out. It is to be quick. */
export type CredentialsSource = SessionCredentials | (() => SessionCredentials);

const SECURITY_TOKEN = "SecurityToken";

/** Signs requests in place. @throws MQClientError kind invalid for a blank key; the message quotes none */
export function signer(digest: Digest, source: CredentialsSource): (command: RemotingCommand) => void {
  let last: SessionCredentials | undefined;
  let key: Uint8Array = new Uint8Array(0);
  const current = (): SessionCredentials => {
    const credentials = typeof source === "function" ? source() : source;
    if (credentials === last) return credentials;
    if (credentials.accessKey.trim() === "" || credentials.secretKey.trim() === "") {
      throw new MQClientError("invalid", "credentials: accessKey and secretKey must both be given");
    }
    key = encodeUtf8(credentials.secretKey.trim());
    last = credentials;
    return credentials;
  };
  // Fixed ones are looked at now, where the mistake is.
  if (typeof source !== "function") current();
  return (command) => {
    const { accessKey, securityToken } = current();
    if (securityToken !== undefined) command.extFields = { ...command.extFields, [SECURITY_TOKEN]: securityToken };
    signCommand(digest, accessKey.trim(), key, command);
  };
}
