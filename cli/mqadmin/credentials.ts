/** conf/tools.yml below ROCKETMQ_HOME: the account that mqadmin signs its requests with. The secret is in no message. */
import { parse } from "yaml";
import type { SessionCredentials } from "../../core/client/credentials.ts";
import { ConfigError } from "../../core/config.ts";
import type { Runtime } from "../../core/runtime.ts";

/**
 * Undefined without the file, or with an empty one; Apache's does not sign then, either.
 * @throws ConfigError when the file is there and can't be used
 */
export function toolsCredentials(runtime: Runtime, home: string | undefined): SessionCredentials | undefined {
  if (home === undefined || home === "") return undefined;
  const path = `${home}/conf/tools.yml`;
  const bytes = fileAt(runtime, path);
  if (bytes === undefined) return undefined;
  let read: unknown;
  try {
    read = parse(new TextDecoder().decode(bytes));
  } catch {
    throw new ConfigError([`${path} is not YAML: it is accessKey: …, a line below secretKey: …`]);
  }
  const { accessKey, secretKey, securityToken } = (read ?? {}) as Record<string, unknown>;
  if (accessKey === undefined && secretKey === undefined) return undefined;
  if (!isText(accessKey) || !isText(secretKey)) {
    throw new ConfigError([`${path} is incomplete: accessKey and secretKey are to be texts that are not empty`]);
  }
  return { accessKey, secretKey, securityToken: isText(securityToken) ? securityToken : undefined };
}

function fileAt(runtime: Runtime, path: string): Uint8Array | undefined {
  try {
    return runtime.files.read(path);
  } catch (fault) {
    const mends = "It is the account that mqadmin signs with: let this user read it, or unset ROCKETMQ_HOME to sign nothing";
    throw new ConfigError([`${(fault as Error).message}. ${mends}`]);
  }
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
