/** An access control on the simulator, and requests signed as a Java client signs them. */
import { type SimRuntime, simRuntime } from "../../adapters/sim/sim.ts";
import { AccessControl, type AccessRefusal } from "../../core/auth/auth.ts";
import { policiesOf } from "../../core/auth/policies.ts";
import { signCommand } from "../../core/auth/signature.ts";
import { userOf } from "../../core/auth/users.ts";
import { authOptions } from "../../core/auth_options.ts";
import { type SettingsInput, settingsWith } from "../../core/config.ts";
import { encodeUtf8 } from "../../wire/bytes.ts";
import { type ExtFields, LANGUAGE_OTHER, NO_BODY, type RemotingCommand, SERIALIZE_JSON } from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestName } from "../../wire/requests.ts";
import { VERSION_CURRENT } from "../../wire/version.ts";
import { RecordingLog } from "../broker/management_harness.ts";

export const ADMIN = { accessKey: "root-of-all", secretKey: "the-secret-of-root" };
export const JOE = { accessKey: "joe", secretKey: "the-secret-of-joe" };
export const HOST = "10.1.2.3";

/** Both checks on, and the super user ADMIN. */
export const ENABLED: SettingsInput<typeof authOptions> = {
  authenticationEnabled: true,
  authorizationEnabled: true,
  authConfigPath: "/auth",
  initAuthenticationUser: JSON.stringify({ username: ADMIN.accessKey, password: ADMIN.secretKey }),
};

export function accessControl(
  settings: SettingsInput<typeof authOptions> = ENABLED,
  sim: SimRuntime = simRuntime(),
): { access: AccessControl; log: RecordingLog; sim: SimRuntime } {
  const log = new RecordingLog();
  const access = new AccessControl({
    runtime: sim,
    log,
    settings: settingsWith(authOptions, settings, sim.system),
    directory: "/elsewhere",
    clusterName: "DefaultCluster",
  });
  access.load();
  return { access, log, sim };
}

/** Makes JOE with these entries: `Topic:orders Pub,Sub Allow`. */
export function addJoe(access: AccessControl, ...entries: string[]): void {
  access.users.put(userOf({ username: JOE.accessKey, password: JOE.secretKey }));
  if (entries.length > 0) access.users.setPolicies(JOE.accessKey, policies(...entries));
}

/** Entries of a Custom policy: `resource actions decision sourceIps`. */
export const policies = (...entries: string[]) =>
  policiesOf({
    subject: "",
    policies: [
      {
        policyType: "Custom",
        entries: entries.map((entry) => {
          const [resource = "", actions = "", decision = "Allow", ips = ""] = entry.split(" ");
          return { resource, actions: actions.split(","), decision, sourceIps: ips === "" ? [] : ips.split(",") };
        }),
      },
    ],
  });

export function request(name: RequestName, extFields: ExtFields = {}, body: Uint8Array | string = NO_BODY): RemotingCommand {
  return {
    code: REQUESTS[name].code,
    language: LANGUAGE_OTHER,
    version: VERSION_CURRENT,
    opaque: 1,
    flag: 0,
    remark: undefined,
    extFields,
    body: typeof body === "string" ? encodeUtf8(body) : body,
    serializeType: SERIALIZE_JSON,
  };
}

export function signed(command: RemotingCommand, { accessKey, secretKey }: typeof ADMIN, sim: SimRuntime): RemotingCommand {
  const copy = { ...command };
  signCommand(sim.digest, accessKey, encodeUtf8(secretKey), copy);
  return copy;
}

/** `16 words`, or `ok`. */
export const outcome = (refusal: AccessRefusal | undefined): string =>
  refusal === undefined ? "ok" : `${refusal.code} ${refusal.remark}`;
