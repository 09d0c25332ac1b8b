/**
 * A certificate for a server that was given none: made in memory, signed by itself, never written anywhere. It keeps a
 * listener on the wire from reading; who must know whom they talk to configures a real one.
 */
import { Buffer } from "node:buffer";
import type { TlsIdentity } from "../../core/runtime.ts";
import { builtin } from "./builtin.ts";

const DAY_MS = 86_400_000;
const VALID_MS = 3650 * DAY_MS;
const COMMON_NAME = "2.5.4.3";
const ECDSA_WITH_SHA256 = "1.2.840.10045.4.3.2";

/** The library is loaded here and not before: a server that never meets a TLS client does without. */
export async function selfSigned(commonName: string, now: number): Promise<TlsIdentity> {
  const [{ AsnConvert }, x509] = await Promise.all([import("@peculiar/asn1-schema"), import("@peculiar/asn1-x509")]);
  const { generateKeyPairSync, sign } = builtin("node:crypto");
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const attribute = new x509.AttributeTypeAndValue({
    type: COMMON_NAME,
    value: new x509.AttributeValue({ utf8String: commonName }),
  });
  const name = new x509.Name([new x509.RelativeDistinguishedName([attribute])]);
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: name,
    subject: name,
    validity: new x509.Validity({ notBefore: new Date(now - DAY_MS), notAfter: new Date(now + VALID_MS) }),
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, x509.SubjectPublicKeyInfo),
  });
  const signed = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), privateKey);
  const certificate = new x509.Certificate({
    tbsCertificate,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signed).buffer,
  });
  return { certificate: pemOf("CERTIFICATE", AsnConvert.serialize(certificate)), key: privateKey };
}

/** A positive integer of 16 bytes: the first bit is the sign, and DER allows no leading zero byte. */
function serialNumber(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.buffer;
}

function pemOf(label: string, der: ArrayBuffer): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
