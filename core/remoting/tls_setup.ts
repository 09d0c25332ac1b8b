/**
 * From keys and files to TLS contexts, of a server and of its own client. It owns the certificates: reads them at the start,
 * looks at their files each second, and takes new ones for the connections that come then; those that are there stay.
 *
 * Files that can't be used stop the start; later they change nothing, with one line in the log, until they can.
 */
import { ConfigError } from "../config.ts";
import type { Log, Runtime, TimerHandle, Tls, TlsContext } from "../runtime.ts";
import type { TlsFileSettings, TlsSettings } from "../tls_options.ts";
import type { ServerTls } from "./door.ts";
import { fileText, tlsClientOptions, tlsFileSettings, tlsIdentity, tlsLimits } from "./tls_files.ts";

const WATCH_INTERVAL_MS = 1_000;
const COMMON_NAME = "edgemq";

export class TlsSetup implements ServerTls {
  readonly #runtime: Runtime;
  readonly #log: Log;
  readonly #settings: TlsSettings;
  #settingsNow: TlsFileSettings | undefined;
  #server: TlsContext | undefined;
  #client: TlsContext | undefined;
  #selfMade: Promise<TlsContext | undefined> | undefined;
  /** Size and time of each file that was read. */
  #seen = "";
  #paths: readonly string[] = [];
  #failing = false;
  #watch: TimerHandle | undefined;

  constructor(runtime: Runtime, log: Log, settings: TlsSettings) {
    this.#runtime = runtime;
    this.#log = log;
    this.#settings = settings;
  }

  get mode(): ServerTls["mode"] {
    return this.#settings["tls.server.mode"];
  }

  /** Whether this server's own connections use TLS. */
  get clientEnabled(): boolean {
    const asked = this.#settings["tls.enable"];
    return this.#settings.useTLS || (asked === undefined ? this.mode === "enforcing" : asked === "true");
  }

  /**
   * Reads what is configured, and begins to look for changes. Not called, there is no TLS.
   * @throws ConfigError naming key and file of what can't be used.
   */
  async start(): Promise<void> {
    const { tls, clock } = this.#runtime;
    if (this.mode === "disabled" && !this.clientEnabled) return;
    if (tls === undefined) {
      if (this.mode !== "permissive" || this.clientEnabled)
        throw new ConfigError([`tls.server.mode=${this.mode} can't be used: the runtime ${this.#runtime.name} has no TLS`]);
      return;
    }
    this.#read(tls);
    if (this.mode === "enforcing") await this.context();
    if (this.mode === "enforcing" && this.#server === undefined && this.#selfMade === undefined)
      throw new ConfigError([NO_CERTIFICATE]);
    this.#watch = clock.setInterval(() => this.#look(tls), WATCH_INTERVAL_MS);
  }

  stop(): void {
    this.#watch?.cancel();
  }

  /** Of the server. In test mode it is made for the first who asks. */
  context(): TlsContext | undefined | Promise<TlsContext | undefined> {
    return this.#server ?? (this.#settingsNow?.["tls.test.mode.enable"] === true ? this.#makeOwn() : undefined);
  }

  /** Of connections to other servers; undefined when they are plain. */
  client(): TlsContext | undefined {
    return this.clientEnabled ? this.#client : undefined;
  }

  async #makeOwn(): Promise<TlsContext | undefined> {
    const { tls, clock } = this.#runtime;
    if (tls === undefined) return undefined;
    this.#selfMade ??= tls.selfSigned(COMMON_NAME, clock.now()).then(
      (identity) => {
        this.#log.info("made a certificate in memory for TLS clients; who must know whom they talk to needs a real one", {
          keys: "tls.test.mode.enable=false, tls.server.certPath, tls.server.keyPath",
        });
        this.#server = tls.server({
          identity,
          clientAuth: "optional",
          verifyClient: false,
          ...(this.#settingsNow && tlsLimits(this.#settingsNow)),
        });
        return this.#server;
      },
      (error: unknown) => {
        this.#log.error("cannot make a certificate for TLS clients", { reason: (error as Error).message });
        return undefined;
      },
    );
    return this.#selfMade;
  }

  // -------------------------------------------------------------------------------------------------------- files

  #read(tls: Tls): void {
    const now = tlsFileSettings(this.#runtime.files, this.#settings);
    this.#settingsNow = now;
    const testMode = now["tls.test.mode.enable"];
    const certificates = testMode ? [] : [now["tls.server.certPath"], now["tls.server.keyPath"], now["tls.server.trustCertPath"]];
    const own = this.clientEnabled
      ? [now["tls.client.certPath"], now["tls.client.keyPath"], now["tls.client.trustCertPath"]]
      : [];
    this.#paths = [this.#settings["tls.config.file"], ...certificates, ...own].filter((path) => path !== undefined);
    // Before the files are read: what changes meanwhile is seen at the next look.
    this.#seen = this.#fingerprint();
    if (!testMode && this.mode !== "disabled") this.#server = this.#serverContext(tls, now);
    if (this.clientEnabled) this.#client = this.#clientContext(tls, now);
  }

  #serverContext(tls: Tls, now: TlsFileSettings): TlsContext | undefined {
    const { files } = this.#runtime;
    const identity = tlsIdentity(
      files,
      "tls.server",
      now["tls.server.certPath"],
      now["tls.server.keyPath"],
      now["tls.server.keyPassword"],
    );
    if (identity === undefined) {
      this.#log.error(NO_CERTIFICATE, { mode: this.mode });
      return undefined;
    }
    const clientAuth = clientAuthOf(now["tls.server.need.client.auth"]);
    const trusted = now["tls.server.trustCertPath"];
    const verifyClient = now["tls.server.authClient"];
    const authorities = verifyClient && trusted !== undefined ? fileText(files, "tls.server.trustCertPath", trusted) : undefined;
    return this.#built("tls.server.certPath, tls.server.keyPath or tls.server.trustCertPath", () =>
      tls.server({ identity, clientAuth, verifyClient, authorities, ...tlsLimits(now) }),
    );
  }

  #clientContext(tls: Tls, now: TlsFileSettings): TlsContext {
    const options = tlsClientOptions(this.#runtime.files, now);
    return this.#built("tls.client.certPath, tls.client.keyPath or tls.client.trustCertPath", () => tls.client(options));
  }

  #built<T>(keys: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      throw new ConfigError([`${keys} can't be used: ${(error as Error).message}`]);
    }
  }

  // -------------------------------------------------------------------------------------------------------- reload

  /** Certificate and key are two files: while only one of them is new they don't match, and the old pair serves on. */
  #look(tls: Tls): void {
    const seen = this.#fingerprint();
    if (seen === this.#seen && !this.#failing) return;
    try {
      this.#read(tls);
      this.#failing = false;
      this.#log.info("read the TLS certificates again", { files: this.#paths.join(", ") });
    } catch (error) {
      if (!this.#failing || seen !== this.#seen)
        this.#log.error("cannot use the TLS certificates that are new; the old ones stay, and these are tried again", {
          reason: (error as Error).message,
        });
      this.#failing = true;
    }
  }

  #fingerprint(): string {
    const { files } = this.#runtime;
    return this.#paths
      .map((path) => {
        try {
          const stat = files.stat(path);
          return stat === undefined ? `${path} -` : `${path} ${stat.size} ${stat.modifiedMs}`;
        } catch {
          return `${path} ?`;
        }
      })
      .join("\n");
  }
}

const NO_CERTIFICATE =
  "no certificate for TLS clients: tls.test.mode.enable is false, and tls.server.certPath and tls.server.keyPath are not set";

/** Another word means none, as in Apache. */
function clientAuthOf(word: string): "none" | "optional" | "require" {
  const lower = word.trim().toLowerCase();
  return lower === "optional" || lower === "require" ? lower : "none";
}
