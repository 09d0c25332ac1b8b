/**
 * Which parts of the commit log the system holds in memory (`coldDataScanEnable`), so that cold data flow control counts only
 * what has to come from the disk.
 *
 * The system is asked for every page; one of each `sampleSteps` is kept and stands for those up to the next, as in Apache. The
 * log is looked at while somebody asks, and again when the last look is older than timerColdDataCheckIntervalMs: what is read
 * meanwhile counts as it did before it was read. What no look has seen yet counts as in memory; so a look, which takes minutes of
 * a TiB, begins with the file that is asked about and goes on where a reader does, and a file counts as soon as all of it was seen (1 GiB: 16 pauses).
 *
 * Bounds: a byte for each sampleSteps pages of the log, 8 MiB a TiB; one look at a time, PORTION_BYTES at once, with pauses of
 * PAUSE_MS: a twentieth of a core while it lasts.
 */
import type { Clock, Log, PagesInMemory, TimerHandle } from "../runtime.ts";
import type { FileQueue } from "./file_queue.ts";
import type { StoreFile } from "./open_files.ts";
import type { StoreSettings } from "./options.ts";

/** Takes half a millisecond, all pages in memory. */
const PORTION_BYTES = 64 * 1024 * 1024;
/** A smaller file counts as so much of a portion: it has to be opened. */
const FILE_BYTES_MIN = 1024 * 1024;
const PAUSE_MS = 10;

type Settings = Pick<StoreSettings, "coldDataScanEnable" | "sampleSteps" | "timerColdDataCheckIntervalMs">;

interface Samples {
  /** That one sample stands for. */
  readonly bytes: number;
  /** Odd: in memory. */
  readonly found: Uint8Array;
}

export class ColdDataCheckService {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: Settings;
  readonly #files: FileQueue;
  /** By the offset that a file begins at. */
  #samples = new Map<number, Samples>();
  /** Clock.monotonic() at which they are too old. */
  #lookAgainAt = Number.NEGATIVE_INFINITY;
  #look: Promise<void> | undefined;
  /** Looked at since the last pause. */
  #portionBytes = 0;
  #pause: { readonly timer: TimerHandle; readonly end: () => void } | undefined;
  #cannotTell = false;
  #stopped = false;

  constructor(clock: Clock, log: Log, settings: Settings, files: FileQueue) {
    this.#clock = clock;
    this.#log = log;
    this.#settings = settings;
    this.#files = files;
  }

  /** See `MessageStore.isOnDiskOnly`. */
  isOnDiskOnly(offset: number): boolean | undefined {
    if (!this.#settings.coldDataScanEnable) {
      this.#forget();
      return undefined;
    }
    const base = offset - (offset % this.#files.fileSize);
    this.#lookIfOld(base);
    if (this.#cannotTell) return undefined;
    const samples = this.#samples.get(base);
    const sample = samples?.found[Math.floor((offset - base) / samples.bytes)];
    return sample !== undefined && (sample & 1) === 0;
  }

  /** Ends a look that is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pause?.timer.cancel();
    this.#pause?.end();
    await this.#look;
  }

  #forget(): void {
    if (this.#samples.size > 0) this.#samples = new Map();
  }

  #lookIfOld(base: number): void {
    const late = this.#clock.monotonic() - this.#lookAgainAt;
    if (this.#look !== undefined || this.#stopped || late < 0) return;
    // Nobody asked for long: what was true then need not be.
    if (late > this.#settings.timerColdDataCheckIntervalMs) this.#forget();
    this.#look = this.#lookAtAll(base).finally(() => {
      this.#look = undefined;
      this.#lookAgainAt = this.#clock.monotonic() + this.#settings.timerColdDataCheckIntervalMs;
    });
  }

  /** All files, those from this offset on first. */
  async #lookAtAll(from: number): Promise<void> {
    const files = [...this.#files.files];
    const behind = files.filter(({ base }) => base < from);
    for (const file of [...files.slice(behind.length), ...behind]) {
      const samples = await this.#lookAt(file);
      if (this.#stopped || this.#cannotTell) return;
      if (samples === undefined) this.#samples.delete(file.base);
      else this.#samples.set(file.base, samples);
    }
    const oldest = this.#files.files[0]?.base ?? Number.POSITIVE_INFINITY;
    for (const base of this.#samples.keys()) if (base < oldest) this.#samples.delete(base);
  }

  /** Undefined when it can't be had. */
  async #lookAt(file: StoreFile): Promise<Samples | undefined> {
    const { fileSize } = this.#files;
    const { sampleSteps } = this.#settings;
    const found: number[] = [];
    let pageBytes = 0;
    for (let position = 0; position < fileSize; position += PORTION_BYTES) {
      const portion = this.#ask(file, position, Math.min(PORTION_BYTES, fileSize - position));
      if (portion === undefined) return undefined;
      pageBytes = portion.pageBytes;
      const firstPage = position / pageBytes;
      const first = (sampleSteps - (firstPage % sampleSteps)) % sampleSteps;
      for (let page = first; page < portion.pages.length; page += sampleSteps) found.push(portion.pages[page] as number);
      this.#portionBytes += Math.max(FILE_BYTES_MIN, Math.min(PORTION_BYTES, fileSize - position));
      if (this.#portionBytes >= PORTION_BYTES) await this.#rest();
      if (this.#stopped) return undefined;
    }
    return { bytes: pageBytes * sampleSteps, found: Uint8Array.from(found) };
  }

  #ask(file: StoreFile, position: number, length: number): PagesInMemory | undefined {
    let portion: PagesInMemory | undefined;
    try {
      portion = this.#files.handle(file).pagesInMemory(position, length);
    } catch {
      return undefined; // It went meanwhile, as files do that expire.
    }
    if (portion === undefined && !this.#cannotTell) {
      this.#cannotTell = true;
      this.#log.warn(
        "coldDataScanEnable has no effect: here the system can't be asked what it holds in memory; data is cold by accessMessageInMemoryHotRatio alone",
        { path: file.path },
      );
    }
    return portion;
  }

  #rest(): Promise<void> {
    this.#portionBytes = 0;
    return new Promise((resolve) => {
      this.#pause = { timer: this.#clock.setTimeout(resolve, PAUSE_MS), end: resolve };
    });
  }
}
