/** The two keys of the configuration that hold a name and a secret as JSON. Errors name the key and never quote the value. */
import { body, or, text } from "../../wire/body.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import type { RemotingCommand } from "../../wire/remoting_command.ts";
import { ConfigError } from "../config.ts";
import type { Digest } from "../runtime.ts";
import { signCommand } from "./signature.ts";

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

interface InitialUser {
  username: string;
  password: string;
}

const credentialsBody = body<{ accessKey: string; secretKey: string }>("SessionCredentials", {
  accessKey: or(text, ""),
  secretKey: or(text, ""),
});
const initialUserBody = body<InitialUser>("User", { username: or(text, ""), password: or(text, "") });

/** innerClientAuthenticationCredentials; undefined when it is not set. @throws ConfigError */
export function credentialsOf(settings: { readonly innerClientAuthenticationCredentials: string | undefined }) {
  const value = read("innerClientAuthenticationCredentials", settings.innerClientAuthenticationCredentials, (json) =>
    credentialsBody.parse(json),
  );
  return complete("innerClientAuthenticationCredentials", '{"accessKey":"…","secretKey":"…"}', value);
}

/** initAuthenticationUser; undefined when it is not set. @throws ConfigError */
export function initialUserOf(settings: { readonly initAuthenticationUser: string | undefined }) {
  const value = read("initAuthenticationUser", settings.initAuthenticationUser, (json) => initialUserBody.parse(json));
  return complete("initAuthenticationUser", '{"username":"…","password":"…"}', value);
}

/** Signs what is sent to other servers; undefined when innerClientAuthenticationCredentials is not set. */
export function signerOf(
  digest: Digest,
  settings: { readonly innerClientAuthenticationCredentials: string | undefined },
): ((command: RemotingCommand) => void) | undefined {
  const credentials = credentialsOf(settings);
  if (credentials === undefined) return undefined;
  const key = encodeUtf8(credentials.secretKey);
  return (command) => signCommand(digest, credentials.accessKey, key, command);
}

function read<T>(key: string, json: string | undefined, parse: (json: string) => T): T | undefined {
  if (json === undefined) return undefined;
  try {
    return parse(json);
  } catch {
    throw new ConfigError([`${key} is not JSON`]);
  }
}

function complete<T extends object>(key: string, form: string, value: T | undefined): T | undefined {
  if (value !== undefined && Object.values(value).some((part) => part === "")) {
    throw new ConfigError([`${key} is incomplete: it is ${form}`]);
  }
  return value;
}
