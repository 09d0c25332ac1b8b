/**
 * Serves `GET /metrics`. One scrape at a time is read: scrapers that come meanwhile get the same text, so that no number of
 * them makes the broker read more than it would for one.
 */
import type { Endpoint, HttpReply, HttpRequest, Listener, Log, Runtime } from "../runtime.ts";
import type { Labels, MetricsSource } from "./metrics.ts";

export interface PrometheusExporterOptions {
  readonly runtime: Runtime;
  readonly log: Log;
  readonly host: string;
  /** 0 asks for a free one. */
  readonly port: number;
  /** Of all metrics. */
  readonly labels: Labels;
  readonly source: MetricsSource;
}

const TEXT = { "content-type": "text/plain; charset=utf-8" };

export class PrometheusExporter {
  readonly #options: PrometheusExporterOptions;
  readonly #startedAtMs: number;
  #listener: Listener | undefined;
  #scrape: Promise<string> | undefined;

  constructor(options: PrometheusExporterOptions) {
    this.#options = options;
    this.#startedAtMs = options.runtime.clock.now();
  }

  /** @throws Error naming the keys when the runtime has no HTTP or the port can't be had. */
  async start(): Promise<Endpoint> {
    const { runtime, host, port, log } = this.#options;
    if (runtime.http === undefined) {
      throw new Error(`metricsExporterType=PROM: the runtime ${runtime.name} serves no HTTP; set metricsExporterType=DISABLE`);
    }
    try {
      this.#listener = await runtime.http.serve({ host, port }, (request) => this.#answer(request));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${reason}; metricsPromExporterHost and metricsPromExporterPort say where metrics are served`, {
        cause: error,
      });
    }
    const { address } = this.#listener;
    log.info("metrics are served", { host: address.host, port: address.port, path: "/metrics", key: "metricsPromExporterPort" });
    return address;
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    this.#listener = undefined;
  }

  /** The text of one scrape. */
  scrape(): Promise<string> {
    this.#scrape ??= this.#read().finally(() => {
      this.#scrape = undefined;
    });
    return this.#scrape;
  }

  async #read(): Promise<string> {
    const { runtime, labels, source } = this.#options;
    // The library is a few hundred files: who exports nothing does not load it.
    const { prometheusText } = await import("./prometheus.ts");
    return prometheusText(await source.read(), labels, this.#startedAtMs, runtime.clock.now());
  }

  async #answer({ method, path }: HttpRequest): Promise<HttpReply> {
    if (path !== "/metrics" && path !== "/") return { status: 404, headers: TEXT, body: "GET /metrics\n" };
    if (method !== "GET" && method !== "HEAD") {
      return { status: 405, headers: { ...TEXT, allow: "GET, HEAD" }, body: "GET /metrics\n" };
    }
    try {
      return { status: 200, headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" }, body: await this.scrape() };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error("metrics can't be read", { reason });
      return { status: 500, headers: TEXT, body: `metrics can't be read: ${reason}\n` };
    }
  }
}
