/** From keys to what TLS needs: settings out of `tls.config.file`, certificates and keys out of the files that they name. */
import { ConfigError, type OptionValue, parseValue } from "../config.ts";
import { type Properties, parseProperties } from "../properties.ts";
import type { Files, TlsClientOptions, TlsIdentity, TlsLimits } from "../runtime.ts";
import { type TlsFileSettings, tlsFileOptions } from "../tls_options.ts";

/** A chain of certificates or a key is a few KiB. */
const FILE_BYTES_MAX = 1024 * 1024;

/** What reads files; they are small, and read at a start or when they change. */
export type TlsFiles = Pick<Files, "read">;

/**
 * `settings`, and over them the keys of their `tls.config.file`. An absent file is none, as in Apache.
 * @throws ConfigError naming key and file
 */
export function tlsFileSettings(
  files: TlsFiles,
  settings: TlsFileSettings & { readonly "tls.config.file": string },
): TlsFileSettings {
  const path = settings["tls.config.file"];
  const found: Record<string, OptionValue> = {};
  for (const [key, raw] of propertiesOf(files, path)) {
    if (!Object.hasOwn(tlsFileOptions, key)) continue;
    const option = tlsFileOptions[key as keyof typeof tlsFileOptions];
    const value = parseValue(key, option, raw);
    if ("problem" in value) throw new ConfigError([`${value.problem} (in ${path})`]);
    found[key] = value.value;
  }
  return { ...settings, ...found };
}

function propertiesOf(files: TlsFiles, path: string): Properties {
  try {
    const bytes = files.read(path);
    return bytes === undefined ? new Map() : parseProperties(bytes);
  } catch (fault) {
    throw new ConfigError([`tls.config.file=${path} can't be used: ${(fault as Error).message}`]);
  }
}

/** Of connections to other servers. In test mode nothing is shown and nothing verified. @throws ConfigError naming key and file */
export function tlsClientOptions(files: TlsFiles, settings: TlsFileSettings): TlsClientOptions {
  if (settings["tls.test.mode.enable"]) return { verifyServer: false, ...tlsLimits(settings) };
  const identity = tlsIdentity(
    files,
    "tls.client",
    settings["tls.client.certPath"],
    settings["tls.client.keyPath"],
    settings["tls.client.keyPassword"],
  );
  const trusted = settings["tls.client.trustCertPath"];
  const verifyServer = settings["tls.client.authServer"];
  const authorities = verifyServer && trusted !== undefined ? fileText(files, "tls.client.trustCertPath", trusted) : undefined;
  return { identity, verifyServer, authorities, ...tlsLimits(settings) };
}

/** @param prefix of the keys, for messages. @throws ConfigError */
export function tlsIdentity(
  files: TlsFiles,
  prefix: string,
  certPath: string | undefined,
  keyPath: string | undefined,
  keyPassword: string | undefined,
): TlsIdentity | undefined {
  if (certPath === undefined && keyPath === undefined) return undefined;
  if (certPath === undefined || keyPath === undefined)
    throw new ConfigError([`${prefix}.certPath and ${prefix}.keyPath can't be used: only one of them is set`]);
  const certificate = fileText(files, `${prefix}.certPath`, certPath);
  return { certificate, key: fileText(files, `${prefix}.keyPath`, keyPath), keyPassword };
}

/** The text of a PEM file. @throws ConfigError naming key and file */
export function fileText(files: TlsFiles, key: string, path: string): string {
  let bytes: Uint8Array | undefined;
  try {
    bytes = files.read(path);
  } catch (fault) {
    throw new ConfigError([`${key}=${path} can't be used: ${(fault as Error).message}. Let this user read it`]);
  }
  if (bytes === undefined) throw new ConfigError([`${key}=${path} can't be used: there is no such file`]);
  if (bytes.length > FILE_BYTES_MAX)
    throw new ConfigError([`${key}=${path} can't be used: it is larger than ${FILE_BYTES_MAX} bytes`]);
  return new TextDecoder().decode(bytes);
}

export function tlsLimits(settings: TlsFileSettings): TlsLimits {
  const names = (value: string | undefined) => value?.split(",").map((name) => name.trim());
  return { ciphers: names(settings["tls.ciphers"]), protocols: names(settings["tls.protocols"]) };
}
