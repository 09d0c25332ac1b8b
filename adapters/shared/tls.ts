/**
 * TLS, the same on Bun, Deno and Node: `node:tls` over a stream that is made of a port's socket, so that sockets without TLS
 * know nothing of it.
 *
 * What is written goes straight down to that socket and waits there, where its owner counts it (`bufferedBytes`); a pause
 * stops that socket too. So nothing grows in between.
 */
import { Buffer } from "node:buffer";
import type { KeyObject } from "node:crypto";
import type { Duplex } from "node:stream";
import type * as tls from "node:tls";
import type {
  RuntimeFault,
  Socket,
  SocketHandler,
  Tls,
  TlsClientOptions,
  TlsContext,
  TlsEvents,
  TlsIdentity,
  TlsLimits,
  TlsServerOptions,
} from "../../core/runtime.ts";
import { hostPort } from "./address.ts";
import { builtin } from "./builtin.ts";
import { Fault, faultOf } from "./fault.ts";
import { selfSigned } from "./self_signed.ts";

/** What was read before a FIN gets so long through the stream. */
const GOODBYE_MS = 100;

export const hostTls: Tls = { server, client, selfSigned };

function server(options: TlsServerOptions): TlsContext {
  const { clientAuth, verifyClient, identity, authorities } = options;
  const secureContext = contextOf(identity, authorities, options);
  const refusal = (stream: tls.TLSSocket): string | undefined => {
    if (clientAuth === "none") return undefined;
    if (!showsCertificate(stream))
      return clientAuth === "require" ? "the client shows no certificate, and one is required" : undefined;
    const reason = verifyClient ? distrust(stream) : undefined;
    return reason === undefined ? undefined : `the client's certificate is not accepted: ${reason}`;
  };
  const { TLSSocket } = builtin("node:tls");
  return {
    wrap(socket, events) {
      const plain = plainStream(socket);
      // Not refused by the library, which leaves such a connection open on one runtime and resets it on another.
      const rules = { requestCert: clientAuth !== "none", rejectUnauthorized: false };
      const stream = new TLSSocket(plain as never, { isServer: true, secureContext, ...rules });
      const secure = new SecureSocket(socket, plain, stream, events);
      stream.once("secure", () => secure.finished(refusal(stream)));
      return secure.handler;
    },
  };
}

function client(options: TlsClientOptions): TlsContext {
  const { identity, verifyServer, authorities } = options;
  const secureContext = contextOf(identity, authorities, options);
  return {
    wrap(socket, events) {
      const plain = plainStream(socket);
      const stream = builtin("node:tls").connect({
        socket: plain as never,
        secureContext,
        rejectUnauthorized: verifyServer,
        checkServerIdentity: () => undefined,
      });
      const secure = new SecureSocket(socket, plain, stream, events);
      stream.once("secureConnect", () => secure.finished(undefined));
      return secure.handler;
    },
  };
}

/** Looks at certificate and key first: Deno would take anything, and fail in the first handshake. */
function contextOf(
  identity: TlsIdentity | undefined,
  authorities: string | undefined,
  { ciphers, protocols }: TlsLimits,
): tls.SecureContext {
  const { X509Certificate } = builtin("node:crypto");
  const own =
    identity === undefined ? undefined : parsed("certificate", () => new X509Certificate(pemBlocks(identity.certificate)[0]!));
  const key = identity === undefined ? undefined : parsed("private key", () => keyOf(identity));
  if (own !== undefined && key !== undefined && !own.checkPrivateKey(key))
    throw new Fault("EINVAL", "the private key does not belong to the certificate");
  if (authorities !== undefined)
    parsed("certificate of the authorities", () => pemBlocks(authorities).map((one) => new X509Certificate(one)));
  const versions = [...(protocols ?? [])].sort();
  return parsed("TLS configuration", () =>
    builtin("node:tls").createSecureContext({
      ...(identity === undefined ? {} : { cert: pemBlocks(identity.certificate).join("") }),
      // As decrypted text: a key that is still locked is not read by all of them.
      ...(key === undefined ? {} : { key: key.export({ type: "pkcs8", format: "pem" }) }),
      ...(authorities === undefined ? {} : { ca: pemBlocks(authorities) }),
      ...(ciphers === undefined ? {} : { ciphers: ciphers.map(openSslName).join(":") }),
      ...(versions.length === 0
        ? {}
        : { minVersion: versions[0] as tls.SecureVersion, maxVersion: versions.at(-1) as tls.SecureVersion }),
    }),
  );
}

function keyOf({ key, keyPassword }: TlsIdentity): KeyObject {
  // Deno takes no blank line and no remark beside the block, of which tools write both.
  const [block] = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/.exec(key) ?? [key];
  return builtin("node:crypto").createPrivateKey({
    key: `${block}\n`,
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
  });
}

function parsed<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new Fault("EINVAL", `the ${what} can't be used: ${(error as Error).message}`, error);
  }
}

const pemBlocks = (text: string): string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g)?.map((block) => `${block}\n`) ?? [text];

/** `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256` in OpenSSL; other names are taken as they are. */
function openSslName(name: string): string {
  const [, exchange, rest] = /^TLS_(\w+)_WITH_(\w+)$/.exec(name.trim()) ?? [];
  if (exchange === undefined || rest === undefined) return name.trim();
  const cipher = rest
    .replace(/AES_(\d+)/, "AES$1")
    .replace("_CBC", "")
    .replace("POLY1305_SHA256", "POLY1305");
  return `${exchange === "RSA" ? "" : `${exchange}-`}${cipher}`.replaceAll("_", "-");
}

const showsCertificate = (stream: tls.TLSSocket): boolean => {
  const shown = stream.getPeerCertificate() as object | null | undefined;
  return shown !== null && shown !== undefined && Object.keys(shown).length > 0;
};

/**
 * Why the peer's certificate is not good. Bun says it in the documented place; Node and Deno fill that for a listening server
 * only, and have it in the call from which they do. Where neither is found the answer is no.
 */
function distrust(stream: tls.TLSSocket): string | undefined {
  if (stream.authorized) return undefined;
  const { _handle } = stream as unknown as { _handle?: { verifyError?: () => Error | string | null | undefined } };
  if (typeof _handle?.verifyError !== "function")
    return `${stream.authorizationError ?? "not signed by an authority that is known here"}`;
  const error = _handle.verifyError();
  if (error === null || error === undefined || error === "") return undefined;
  return typeof error === "string" ? error : error.message;
}

/** A socket of the port as the stream that `node:tls` wants. */
function plainStream(socket: Socket): Duplex {
  const { Duplex } = builtin("node:stream");
  return new Duplex({
    read() {
      // What comes is pushed; pauses are told to the socket itself.
    },
    write(chunk: Uint8Array, _encoding, done) {
      socket.write(chunk);
      done();
    },
  });
}

class SecureSocket implements Socket {
  readonly remote: Socket["remote"];
  readonly local: Socket["local"];
  readonly #socket: Socket;
  readonly #plain: Duplex;
  readonly #stream: tls.TLSSocket;
  readonly #events: TlsEvents;
  #owner: SocketHandler | undefined;
  /** Established or failed has been said. */
  #settled = false;
  #ended = false;
  #closed = false;
  #farewell: ReturnType<typeof setTimeout> | undefined;
  #buffering = false;
  #fault: RuntimeFault | undefined;

  constructor(socket: Socket, plain: Duplex, stream: tls.TLSSocket, events: TlsEvents) {
    this.remote = socket.remote;
    this.local = socket.local;
    this.#socket = socket;
    this.#plain = plain;
    this.#stream = stream;
    this.#events = events;
    stream.on("error", (error) => this.#broke(error));
    plain.on("error", (error) => this.#broke(error));
  }

  /** Of the socket below. */
  readonly handler: SocketHandler = {
    data: (chunk) => void this.#plain.push(Buffer.from(chunk)),
    drained: () => this.#drained(),
    ended: () => this.#peerEnded(),
    closed: (fault) => this.#gone(fault),
  };

  /** The handshake is over. @param refusal Why the peer's certificate is refused. */
  finished(refusal: string | undefined): void {
    if (this.#settled) return;
    if (refusal !== undefined) {
      this.#broke(new Fault("EACCES", refusal));
      return;
    }
    this.#settled = true;
    const owner = this.#events.established(this);
    this.#owner = owner;
    this.#stream.on("data", (chunk: Buffer) => owner.data(chunk));
    this.#stream.on("end", () => {
      if (owner.ended === undefined) this.end();
      else owner.ended();
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes + this.#stream.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || this.#closed) return;
    this.#stream.write(Buffer.from(bytes), this.#written);
    if (this.bufferedBytes > 0) this.#buffering = true;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Not on the word of `_final`, which one of the runtimes does not call; and when the goodbye is written, too.
    this.#stream.end(() => setImmediate(() => this.#socket.end()));
  }

  destroy(): void {
    this.#ended = true;
    this.#socket.destroy();
  }

  pause(): void {
    this.#stream.pause();
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
    this.#stream.resume();
  }

  readonly #written = (): void => this.#drained();

  #drained(): void {
    if (!this.#buffering || this.#closed || this.bufferedBytes > 0) return;
    this.#buffering = false;
    this.#owner?.drained?.();
  }

  #broke(error: unknown): void {
    const fault = faultOf(error, `TLS with ${hostPort(this.remote)}`);
    if (this.#settled) {
      this.#fault ??= fault;
      this.#socket.destroy();
      return;
    }
    this.#settled = true;
    // An alert that says why may be on its way: it goes out before the FIN.
    this.#stream.destroy();
    this.#socket.end();
    this.#events.failed(fault);
  }

  /** FIN below, with a goodbye of TLS before it or without: the three runtimes don't tell. Our side ends, too. */
  #peerEnded(): void {
    this.#plain.push(null);
    this.#farewell = setTimeout(() => {
      if (this.#settled) this.end();
      else this.#broke(new Fault("ECONNRESET", `TLS with ${hostPort(this.remote)}: closed in the handshake`));
    }, GOODBYE_MS);
  }

  /** The socket below is closed. What it brought last may still be under way through the stream, up to the next turn. */
  #gone(fault: RuntimeFault | undefined): void {
    clearTimeout(this.#farewell);
    setImmediate(() => {
      if (this.#closed) return;
      this.#closed = true;
      this.#stream.destroy();
      this.#plain.destroy();
      if (this.#settled) this.#owner?.closed(fault ?? this.#fault);
      else {
        this.#settled = true;
        this.#events.failed(fault ?? new Fault("ECONNRESET", `TLS with ${hostPort(this.remote)}: closed in the handshake`));
      }
    });
  }
}
