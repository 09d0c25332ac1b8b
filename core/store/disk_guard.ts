/**
 * How full the disks of the store are, and what follows from it: whether sends are refused, whether old files go at any
 * hour, or even before they expire, and which directory of several gets no new file of the log.
 *
 * Percentages are Apache's: of several directories of the log the emptiest counts. Beside them stands a floor of free bytes:
 * a percentage of a small disk is little. Looked at every cleanResourceInterval, and sooner when much is written.
 */
import type { Files, Log } from "../runtime.ts";
import type { CommitLogPaths } from "./commit_log_paths.ts";
import type { PutRefusal } from "./message_store.ts";
import type { StoreSettings } from "./options.ts";

/** Written bytes after which the disk is looked at again, at least; else a quarter of what is left above the floor. */
const LOOK_BYTES_MIN = 1024 * 1024;

/** One directory of the store, as of the last look. */
export interface DiskUse {
  readonly path: string;
  /** 0..100, rounded. */
  readonly percent: number;
  readonly freeBytes: number;
}

export class DiskGuard {
  /** Directories that new files of the log go to. */
  commitLogDisks: readonly DiskUse[] = [];
  /** 0..100; of several directories, of the emptiest. */
  commitLogPercent = 0;
  consumeQueuePercent = 0;
  /** While the disk is too full to take messages. */
  refusal: PutRefusal | undefined;
  /** Expired files are to go whatever the hour. */
  wantsExpired = false;
  /** The oldest files are to go whatever their age. */
  wantsOldest = false;
  /** Offset of the log at which it is time to look again. */
  lookAtOffset = 0;
  readonly #files: Files;
  readonly #log: Log;
  readonly #settings: StoreSettings;
  readonly #paths: CommitLogPaths;

  constructor(files: Files, log: Log, settings: StoreSettings, paths: CommitLogPaths) {
    this.#files = files;
    this.#log = log;
    this.#settings = settings;
    this.#paths = paths;
  }

  /** @param end of what is written of the log. @throws RuntimeFault; what was known stands then */
  look(end: number): void {
    const settings = this.#settings;
    const floor = settings.diskSpaceFreeBytesMin;
    const disks = this.#paths.writable.map((path) => this.#useOf(path));
    const root = this.#useOf(settings.storePathRootDir);
    const emptiest = disks.reduce((best, disk) => (disk.percent < best.percent ? disk : best));
    const roomiest = disks.reduce((best, disk) => (disk.freeBytes > best.freeBytes ? disk : best));
    this.commitLogDisks = disks;
    this.commitLogPercent = emptiest.percent;
    this.consumeQueuePercent = root.percent;
    const isFull = ({ percent, freeBytes }: DiskUse): boolean =>
      percent > settings.diskSpaceCleanForciblyRatio || freeBytes < floor;
    this.#paths.full = new Set(disks.filter(isFull).map(({ path }) => path));

    const reason =
      this.#reason("storePathCommitLog", emptiest.percent, roomiest.freeBytes) ??
      this.#reason("storePathRootDir", root.percent, root.freeBytes);
    this.#tellChange(reason);
    this.refusal = reason === undefined ? undefined : { status: "SERVICE_NOT_AVAILABLE", reason };
    const percent = Math.max(emptiest.percent, root.percent);
    this.wantsOldest =
      settings.cleanFileForciblyEnable && (reason !== undefined || percent >= settings.diskSpaceCleanForciblyRatio);
    this.wantsExpired = this.wantsOldest || reason !== undefined || percent >= settings.diskMaxUsedSpaceRatio;
    const room = Math.min(root.freeBytes, ...disks.map(({ freeBytes }) => freeBytes)) - floor;
    this.lookAtOffset = end + Math.max(LOOK_BYTES_MIN, room / 4);
  }

  /** Why a disk that is so full takes no messages; undefined when it does. */
  #reason(key: string, percent: number, freeBytes: number): string | undefined {
    const { diskSpaceWarningLevelRatio, diskSpaceFreeBytesMin } = this.#settings;
    const mend = "free space on it, or lower fileReservedTime";
    if (percent >= diskSpaceWarningLevelRatio) {
      return `the disk of ${key} is ${percent} % full and diskSpaceWarningLevelRatio is ${diskSpaceWarningLevelRatio}; ${mend}`;
    }
    if (freeBytes < diskSpaceFreeBytesMin) {
      return `the disk of ${key} has ${freeBytes} bytes free and diskSpaceFreeBytesMin is ${diskSpaceFreeBytesMin}; ${mend}`;
    }
    return undefined;
  }

  #tellChange(reason: string | undefined): void {
    if ((reason === undefined) === (this.refusal === undefined)) return;
    const fields = { commitLogPercent: this.commitLogPercent, consumeQueuePercent: this.consumeQueuePercent };
    if (reason === undefined) this.#log.info("the disk has space again, messages are accepted", fields);
    else this.#log.error("the disk is too full, messages are refused", { ...fields, reason });
  }

  #useOf(path: string): DiskUse {
    const { freeBytes, usedBytes } = this.#files.diskSpace(path);
    // As `df` and Apache say it: what is reserved for others is no part of the disk.
    const percent = usedBytes === 0 ? 0 : Math.round((usedBytes / (usedBytes + freeBytes)) * 100);
    return { path, percent, freeBytes };
  }
}
