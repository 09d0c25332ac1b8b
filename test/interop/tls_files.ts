/**
 * Certificates for one run: of the servers and of the clients, each trusting the other's and nobody else's. They are made when
 * they are needed; no key is kept.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "../../adapters/shared/self_signed.ts";

export interface TlsFiles {
  /** For broker.conf and namesrv.conf of ours. */
  readonly config: Readonly<Record<string, string>>;
  /** The same as properties of a JVM, for Apache's servers. */
  readonly serverJvm: readonly string[];
  /** And for clients. */
  readonly clientJvm: readonly string[];
}

/** TLS only, and only for who has the right certificate. */
export async function writeTlsFiles(directory: string): Promise<TlsFiles> {
  const path = (name: string): string => join(directory, name);
  const certificates = { server: path("server.pem"), client: path("client.pem") };
  for (const name of ["server", "client"] as const) {
    const { certificate, key } = await selfSigned(name, Date.now());
    writeFileSync(certificates[name], certificate);
    writeFileSync(path(`${name}.key`), key, { mode: 0o600 });
  }
  const lines = [
    "tls.test.mode.enable=false",
    `tls.server.certPath=${certificates.server}`,
    `tls.server.keyPath=${path("server.key")}`,
    "tls.server.need.client.auth=require",
    "tls.server.authClient=true",
    `tls.server.trustCertPath=${certificates.client}`,
    `tls.client.certPath=${certificates.client}`,
    `tls.client.keyPath=${path("client.key")}`,
    "tls.client.authServer=true",
    `tls.client.trustCertPath=${certificates.server}`,
  ];
  const file = path("tls.properties");
  writeFileSync(file, `${lines.join("\n")}\n`);
  const config = { "tls.server.mode": "enforcing", "tls.config.file": file };
  return {
    config,
    serverJvm: Object.entries(config).map(([key, value]) => `-D${key}=${value}`),
    clientJvm: ["-Dtls.enable=true", `-Dtls.config.file=${file}`],
  };
}
