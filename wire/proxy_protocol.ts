/**
 * The PROXY protocol, versions 1 and 2: what a load balancer says first on a connection, to tell whose it is.
 *
 *   v1 = "PROXY " ( "TCP4" / "TCP6" ) " " source " " destination " " source port " " destination port CRLF     at most 107 bytes
 *      / "PROXY UNKNOWN" *byte CRLF
 *   v2 = 0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A   version and command   family   length (2 bytes)   addresses   TLVs
 *
 * No frame of the remoting protocol begins like either: it would be 218 MiB long or more. TLVs are passed over, as in
 * Apache's server, which hands them to nobody.
 */
import { WireError } from "./errors.ts";
import { readHost } from "./host.ts";

export interface ProxyHeader {
  /** Whole length, TLVs included: up to 65,551, of which more may be missing than is here. */
  readonly length: number;
  /** Whose connection it is; undefined when the header does not say (LOCAL, UNKNOWN, a family without IP addresses). */
  readonly source: { readonly host: string; readonly port: number } | undefined;
}

/** As many bytes as `parseProxyHeader` ever wants to see: a v1 line, or a v2 header with IPv6 addresses. */
export const PROXY_HEADER_BYTES_MAX = 107;

const SIGNATURE_V1 = [0x50, 0x52, 0x4f, 0x58, 0x59, 0x20];
const SIGNATURE_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const FIXED_BYTES_V2 = 16;
/** Two addresses and two ports. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 1: 12, 2: 36 };
const CR = 0x0d;
const LF = 0x0a;

/**
 * Reads the header at the beginning of `bytes`: `none` when there is none, `more` when it takes more bytes to tell.
 * @throws WireError when it begins like a header and is none.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeader | "more" | "none" {
  if (beginsLike(bytes, SIGNATURE_V1)) return bytes.length < SIGNATURE_V1.length ? "more" : parseV1(bytes);
  if (beginsLike(bytes, SIGNATURE_V2)) return bytes.length < FIXED_BYTES_V2 ? "more" : parseV2(bytes);
  return "none";
}

/** As far as there are bytes. */
function beginsLike(bytes: Uint8Array, signature: readonly number[]): boolean {
  const length = Math.min(bytes.length, signature.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== signature[i]) return false;
  return true;
}

function parseV1(bytes: Uint8Array): ProxyHeader | "more" {
  const end = bytes.indexOf(LF);
  if (end < 0 && bytes.length < PROXY_HEADER_BYTES_MAX) return "more";
  if (end < 0 || end >= PROXY_HEADER_BYTES_MAX || bytes[end - 1] !== CR)
    throw new WireError(`PROXY header without CRLF within ${PROXY_HEADER_BYTES_MAX} bytes`);
  const words = String.fromCharCode(...bytes.subarray(SIGNATURE_V1.length, end - 1)).split(" ");
  const length = end + 1;
  const [family, host = "", , port = ""] = words;
  if (family === "UNKNOWN") return { length, source: undefined };
  const form = family === "TCP4" ? /^\d{1,3}(\.\d{1,3}){3}$/ : /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/;
  if ((family !== "TCP4" && family !== "TCP6") || words.length !== 5 || !form.test(host))
    throw new WireError("PROXY header that is not TCP4, TCP6 or UNKNOWN with two addresses and two ports");
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) throw new WireError("PROXY header with a port outside 0..65535");
  return { length, source: { host, port: Number(port) } };
}

function parseV2(bytes: Uint8Array): ProxyHeader | "more" {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 0x0f;
  if (version !== 2 || command > 1) throw new WireError(`PROXY header of version ${version}, command ${command}`);
  const payloadBytes = (bytes[14]! << 8) | bytes[15]!;
  const length = FIXED_BYTES_V2 + payloadBytes;
  const addressBytes = ADDRESS_BYTES[bytes[13]! >> 4];
  if (command === 0 || addressBytes === undefined) return { length, source: undefined };
  if (payloadBytes < addressBytes)
    throw new WireError(`PROXY header with ${payloadBytes} bytes where the addresses take ${addressBytes}`);
  if (bytes.length < FIXED_BYTES_V2 + addressBytes) return "more";
  const hostBytes = addressBytes === 12 ? 4 : 16;
  const portAt = FIXED_BYTES_V2 + 2 * hostBytes;
  const source = { host: readHost(bytes, FIXED_BYTES_V2, hostBytes), port: (bytes[portAt]! << 8) | bytes[portAt + 1]! };
  return { length, source };
}
