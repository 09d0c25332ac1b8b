/** Keys of Apache's AuthConfig (ACL 2.0), read from broker.conf and namesrv.conf; `core/auth/` acts on them. */
import { bool, int, type OptionsOf, optionalText, secret, withoutEffect } from "./config.ts";

export const authOptions: OptionsOf<AuthSettings> = {
  clusterName: optionalText("never", "Cluster that rights on Cluster:name are about. Not set: that of the broker."),
  authConfigPath: optionalText(
    "never",
    "Directory of users.json and acls.json. Not set: config below storePathRootDir, or the directory of kvConfigPath.",
  ),
  authenticationEnabled: bool(false, "never", "Only requests that a user signed are served."),
  authenticationWhitelist: optionalText("never", "Request codes, separated by commas, that need no signature."),
  initAuthenticationUser: secret(
    "never",
    'Super user made at start when there is none of the name: {"username":"…","password":"…"}.',
  ),
  innerClientAuthenticationCredentials: secret(
    "never",
    'What this server signs its own requests with, and a super user here: {"accessKey":"…","secretKey":"…"}.',
  ),
  authorizationEnabled: bool(false, "never", "Users may do only what their access list grants. Needs authenticationEnabled."),
  migrateAuthFromV1Enabled: bool(
    false,
    "never",
    "At start, accounts of ACL 1.0 (conf/plain_acl.yml and conf/acl below rocketmqHome) become users, those there are not yet.",
  ),
  authorizationWhitelist: optionalText("never", "Request codes, separated by commas, that every user may send."),

  ...withoutEffect("users and access lists are whole in memory: there is nothing to choose, to cache or to expire", {
    configName: optionalText(),
    authenticationProvider: optionalText(),
    authenticationMetadataProvider: optionalText(),
    authenticationStrategy: optionalText(),
    authorizationProvider: optionalText(),
    authorizationMetadataProvider: optionalText(),
    authorizationStrategy: optionalText(),
    userCacheMaxNum: int(1000),
    userCacheExpiredSecond: int(600),
    userCacheRefreshSecond: int(60),
    aclCacheMaxNum: int(1000),
    aclCacheExpiredSecond: int(600),
    aclCacheRefreshSecond: int(60),
    statefulAuthenticationCacheMaxNum: int(10_000),
    statefulAuthenticationCacheExpiredSecond: int(60),
    statefulAuthorizationCacheMaxNum: int(10_000),
    statefulAuthorizationCacheExpiredSecond: int(60),
  }),
};

export interface AuthSettings {
  readonly aclCacheExpiredSecond: number;
  readonly aclCacheMaxNum: number;
  readonly aclCacheRefreshSecond: number;
  readonly authConfigPath: string | undefined;
  readonly authenticationEnabled: boolean;
  readonly authenticationMetadataProvider: string | undefined;
  readonly authenticationProvider: string | undefined;
  readonly authenticationStrategy: string | undefined;
  readonly authenticationWhitelist: string | undefined;
  readonly authorizationEnabled: boolean;
  readonly authorizationMetadataProvider: string | undefined;
  readonly authorizationProvider: string | undefined;
  readonly authorizationStrategy: string | undefined;
  readonly authorizationWhitelist: string | undefined;
  readonly clusterName: string | undefined;
  readonly configName: string | undefined;
  readonly initAuthenticationUser: string | undefined;
  readonly innerClientAuthenticationCredentials: string | undefined;
  readonly migrateAuthFromV1Enabled: boolean;
  readonly statefulAuthenticationCacheExpiredSecond: number;
  readonly statefulAuthenticationCacheMaxNum: number;
  readonly statefulAuthorizationCacheExpiredSecond: number;
  readonly statefulAuthorizationCacheMaxNum: number;
  readonly userCacheExpiredSecond: number;
  readonly userCacheMaxNum: number;
  readonly userCacheRefreshSecond: number;
}
