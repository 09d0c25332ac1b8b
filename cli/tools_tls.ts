/**
 * TLS of the tools, set as for Apache's: system properties in JAVA_OPT (`-Dtls.enable=true -Dtls.client.trustCertPath=ca.pem`),
 * and over them the file that `tls.config.file` names (/etc/rocketmq/tls.properties).
 */
import { loadSettings } from "../core/config.ts";
import type { Properties } from "../core/properties.ts";
import { tlsClientOptions, tlsFileSettings } from "../core/remoting/tls_files.ts";
import type { Runtime, TlsClientOptions } from "../core/runtime.ts";
import { tlsOptions } from "../core/tls_options.ts";

/**
 * @param javaOpt the variable JAVA_OPT
 * @returns undefined: plain connections, the default
 * @throws ConfigError naming key and file of what can't be used
 */
export function toolsTls(runtime: Runtime, javaOpt: string | undefined): TlsClientOptions | undefined {
  const { settings } = loadSettings(tlsOptions, systemProperties(javaOpt ?? ""), new Map(), runtime.system);
  if (settings["tls.enable"] !== "true") return undefined;
  return tlsClientOptions(runtime.files, tlsFileSettings(runtime.files, settings));
}

/** `-Dname=value` words, those of TLS alone; quotes around a word or its value are the shell's. */
function systemProperties(javaOpt: string): Properties {
  const found = new Map<string, string>();
  for (const [word] of javaOpt.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    const [, name, value] = /^-D([^=]+)=(.*)$/s.exec(word.replaceAll(/["']/g, "")) ?? [];
    if (name !== undefined && value !== undefined && Object.hasOwn(tlsOptions, name)) found.set(name, value);
  }
  return found;
}
