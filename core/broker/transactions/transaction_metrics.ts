/** How many transactions are under way, by topic: config/transactionMetrics in Apache's form. */

import type { DataVersion } from "../../../wire/bodies/topic.ts";
import { type TransactionMetric, transactionMetricsWrapper } from "../../../wire/bodies/transaction_metrics.ts";
import { ConfigFile } from "../../store/config_file.ts";
import type { BrokerParts } from "../parts.ts";

export class TransactionMetrics {
  readonly #parts: Pick<BrokerParts, "runtime" | "log">;
  readonly #file: ConfigFile;
  readonly #counts = new Map<string, TransactionMetric>();
  #dataVersion: DataVersion;
  #changed = false;

  constructor(parts: Pick<BrokerParts, "runtime" | "log" | "settings">) {
    this.#parts = parts;
    this.#file = new ConfigFile(parts.runtime.files, parts.log, `${parts.settings.storePathRootDir}/config/transactionMetrics`);
    this.#dataVersion = { stateVersion: 0, timestamp: parts.runtime.clock.now(), counter: 0 };
  }

  /** By topic. */
  get counts(): ReadonlyMap<string, Readonly<TransactionMetric>> {
    return this.#counts;
  }

  /** @throws Error when the file is there and can't be read. */
  load(): void {
    const saved = this.#file.load((text) => transactionMetricsWrapper.parse(text));
    if (saved === undefined) return;
    for (const [topic, metric] of saved.transactionCount) this.#counts.set(topic, metric);
    this.#dataVersion = saved.dataVersion;
  }

  add(topic: string, change: 1 | -1): void {
    const now = this.#parts.runtime.clock.now();
    const metric = this.#counts.get(topic) ?? { count: 0, timeStamp: now };
    metric.count += change;
    metric.timeStamp = now;
    this.#counts.set(topic, metric);
    this.#dataVersion.counter++;
    this.#dataVersion.timestamp = now;
    this.#changed = true;
  }

  /** Saves when something changed; a failure is logged, and the next call tries again. */
  persist(): void {
    if (!this.#changed) return;
    try {
      this.#file.save(transactionMetricsWrapper.format({ transactionCount: this.#counts, dataVersion: this.#dataVersion }));
      this.#changed = false;
    } catch (error) {
      this.#parts.log.error("transactionMetrics can't be written; tried again later", {
        path: this.#file.path,
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }
}
