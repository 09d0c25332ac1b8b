/**
 * Keys for TLS and for what stands before a connection. In Apache all but proxyProtocolFrom are system properties (`-Dtls.…` in
 * JAVA_OPT) of the same names; here they stand in broker.conf and namesrv.conf. `tls.config.file` may set those from
 * `tls.test.mode.enable` on, and wins, as in Apache.
 */
import { bool, choice, type OptionsOf, optionalText, secret, text } from "./config.ts";
import { networkList } from "./networks.ts";

/** What `tls.config.file` may hold. A path is of a PEM file. */
export const tlsFileOptions: OptionsOf<TlsFileSettings> = {
  "tls.test.mode.enable": bool(
    true,
    "never",
    "true: the certificate is made in memory, certificates of clients are not looked at, and tls.server.* paths are not read. Set false to use them.",
  ),
  "tls.server.need.client.auth": text("none", "never", "Whether clients must show a certificate: none, optional or require."),
  "tls.server.keyPath": optionalText("never", "Private key of the server; read again when it changes, as the next two."),
  "tls.server.keyPassword": secret("never", "Password of that key."),
  "tls.server.certPath": optionalText("never", "Certificate of the server, with its chain."),
  "tls.server.trustCertPath": optionalText("never", "Certificates of the authorities that sign clients' certificates."),
  "tls.server.authClient": bool(false, "never", "Whether a client's certificate must be signed by tls.server.trustCertPath."),
  "tls.client.keyPath": optionalText("never", "Private key that is shown to nameservers."),
  "tls.client.keyPassword": secret("never", "Password of that key."),
  "tls.client.certPath": optionalText("never", "Certificate that is shown to nameservers."),
  "tls.client.authServer": bool(
    false,
    "never",
    "Whether a nameserver's certificate must be signed by tls.client.trustCertPath; not in test mode.",
  ),
  "tls.client.trustCertPath": optionalText("never", "Certificates of the authorities that sign nameservers' certificates."),
  "tls.ciphers": optionalText("never", "Cipher suites, separated by commas, best first. Deno takes its own."),
  "tls.protocols": optionalText("never", "Versions, separated by commas, such as TLSv1.2,TLSv1.3."),
};

export const tlsOptions: OptionsOf<TlsSettings> = {
  "tls.server.mode": choice(
    ["disabled", "permissive", "enforcing"],
    "permissive",
    "never",
    "On the same port: no TLS, TLS for clients that begin with it, or TLS only.",
  ),
  "tls.config.file": text("/etc/rocketmq/tls.properties", "never", "File that may set the keys below; it wins over this one."),
  ...tlsFileOptions,
  "tls.enable": optionalText(
    "never",
    "Whether connections to nameservers use TLS: true or false. Not set: they do when tls.server.mode is enforcing.",
    undefined,
    (value) => (value === undefined || value === "true" || value === "false" ? undefined : "true or false"),
  ),
  useTLS: bool(false, "never", "true: as tls.enable=true."),
  proxyProtocolFrom: text(
    "0.0.0.0/0;::/0",
    "never",
    "Networks, separated by semicolons, whose PROXY headers (v1, v2) are taken: set it to your load balancers when addresses of clients decide anything. Empty: none. Apache takes everybody's. Ours.",
    networkList,
  ),
};

export interface TlsFileSettings {
  readonly "tls.ciphers": string | undefined;
  readonly "tls.client.authServer": boolean;
  readonly "tls.client.certPath": string | undefined;
  readonly "tls.client.keyPassword": string | undefined;
  readonly "tls.client.keyPath": string | undefined;
  readonly "tls.client.trustCertPath": string | undefined;
  readonly "tls.protocols": string | undefined;
  readonly "tls.server.authClient": boolean;
  readonly "tls.server.certPath": string | undefined;
  readonly "tls.server.keyPassword": string | undefined;
  readonly "tls.server.keyPath": string | undefined;
  readonly "tls.server.need.client.auth": string;
  readonly "tls.server.trustCertPath": string | undefined;
  readonly "tls.test.mode.enable": boolean;
}

export interface TlsSettings extends TlsFileSettings {
  readonly proxyProtocolFrom: string;
  readonly "tls.config.file": string;
  readonly "tls.enable": string | undefined;
  readonly "tls.server.mode": "disabled" | "permissive" | "enforcing";
  readonly useTLS: boolean;
}
