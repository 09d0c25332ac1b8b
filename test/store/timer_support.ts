/** A store with its timer, on the simulator or a real directory, for the tests of the timer. */
import type { SimRuntime } from "../../adapters/sim/sim.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { PutReceipt, PutRefusal } from "../../core/store/message_store.ts";
import type { StoreSettingsInput } from "../../core/store/options.ts";
import { ParkedForm } from "../../core/store/timer/timer_forms.ts";
import { parkedUntil } from "../../core/store/timer/timer_message.ts";
import { TimerMessageStore } from "../../core/store/timer/timer_message_store.ts";
import { decodeRecords, type StoredMessage } from "../../wire/message_reader.ts";
import { type Lines, linesLog, message, openStore, settingsOf } from "./support.ts";

/** Files end often: 64 KiB of commit log, 100 units of the timer log with its blank. */
export const TIMER_FILES: StoreSettingsInput = { mappedFileSizeCommitLog: 65_536, mappedFileSizeTimerLog: 5_216 };

export class TimerHarness<R extends Runtime = SimRuntime> {
  readonly runtime: R;
  readonly store: DefaultMessageStore;
  readonly timer: TimerMessageStore;
  readonly log: Lines;
  readonly metrics: { saved: string | undefined };
  readonly #parked = new ParkedForm();

  private constructor(runtime: R, directory: string, store: DefaultMessageStore, input: StoreSettingsInput, log: Lines) {
    this.runtime = runtime;
    this.store = store;
    this.log = log;
    this.metrics = { saved: undefined };
    const { metrics } = this;
    this.timer = new TimerMessageStore({
      runtime,
      log,
      settings: settingsOf(runtime, directory, input),
      store,
      metricsFile: {
        path: `${directory}/config/timermetrics`,
        load: (parse) => (metrics.saved === undefined ? undefined : parse(metrics.saved)),
        async saveInBackground(bytes) {
          metrics.saved = new TextDecoder().decode(bytes);
        },
      },
      counted() {},
      topicExists: () => true,
    });
  }

  static async open<R extends Runtime>(
    runtime: R,
    more: StoreSettingsInput = {},
    started = true,
    directory = "/store",
  ): Promise<TimerHarness<R>> {
    const input = { ...TIMER_FILES, ...more };
    const log = linesLog();
    const harness = new TimerHarness(runtime, directory, await openStore(runtime, directory, input, log), input, log);
    await harness.timer.load();
    if (started) harness.timer.start();
    return harness;
  }

  /** Parks a message until `deliverMs`; resolves when it is on the disk. False when the store takes nothing. */
  async send(name: string, deliverMs: number, queueId = 0, more: { cancels?: string; text?: string } = {}): Promise<boolean> {
    const receipt = this.append(name, deliverMs, queueId, more);
    if (receipt.status !== "PUT_OK") return false;
    return this.store.durable(receipt.endOffset, true);
  }

  /** The same without waiting for the disk. */
  append(name: string, deliverMs: number, queueId = 0, more: { cancels?: string; text?: string } = {}): PutReceipt | PutRefusal {
    const properties = `UNIQ_KEY\u0001${name}\u0002${more.cancels === undefined ? "" : `TIMER_DEL_UNIQKEY\u0001${more.cancels}\u0002`}`;
    const plain = message({ topic: "T", queueId, properties, text: more.text ?? name });
    return this.store.append(this.#parked.of(plain, parkedUntil(deliverMs, this.timer.progress.precisionMs)));
  }

  async close(): Promise<void> {
    await this.timer.close();
    await this.store.close();
  }

  async messages(topic = "T", queueId = 0): Promise<StoredMessage[]> {
    const queue = { topic, queueId };
    const found: StoredMessage[] = [];
    for (let offset = Math.max(0, this.store.minOffset(queue)); offset < this.store.maxOffset(queue); ) {
      const result = await this.store.get(queue, offset, { messagesMax: 32, bytesMax: 1_000_000 }, undefined);
      if (result.status !== "FOUND") throw new Error(`${topic} at ${offset}: ${result.status}`);
      found.push(...decodeRecords(result.body));
      offset = result.nextBeginOffset;
    }
    return found;
  }

  /** Names in the real topic. */
  async delivered(): Promise<string[]> {
    return (await this.messages()).map(({ body }) => new TextDecoder().decode(body));
  }
}
