/**
 * Topics whose consume queues were deleted while the log still holds their messages: `deletedTopics.json` in the store's
 * root, by topic the log offset before which its messages count as gone.
 *
 * A start dispatches again from the last checkpoint, and would bring the deleted queue back, with its old queue offsets; the
 * messages of a topic made anew under the name, which begin at 0, would be taken for ones that are there already, and be
 * lost. The file is on the disk before the queues go, and is cleared by the checkpoint that makes it superfluous.
 */
import type { Files, Log } from "../runtime.ts";
import { ConfigFile } from "./config_file.ts";

export class DeletedTopics {
  readonly #file: ConfigFile;
  readonly #ends = new Map<string, number>();

  constructor(files: Files, log: Log, storePathRootDir: string) {
    this.#file = new ConfigFile(files, log, `${storePathRootDir}/deletedTopics.json`);
  }

  /** @throws Error naming the file when it can't be read */
  load(): void {
    for (const [topic, end] of Object.entries(this.#file.load(parse) ?? {})) this.#ends.set(topic, end);
  }

  /** True for a message that was stored before its topic was deleted. */
  covers(topic: string, physicalOffset: number): boolean {
    return this.#ends.size > 0 && physicalOffset < (this.#ends.get(topic) ?? 0);
  }

  /** Messages of `topics` before log offset `end` are gone from now on. @throws RuntimeFault; nothing has changed */
  add(topics: Iterable<string>, end: number): void {
    const before = [...this.#ends];
    for (const topic of topics) this.#ends.set(topic, end);
    try {
      this.#save();
    } catch (error) {
      this.#ends.clear();
      for (const [topic, old] of before) this.#ends.set(topic, old);
      throw error;
    }
  }

  /** The topics that a start has to forget, if it dispatches from `from` on. */
  deletedBehind(from: number): string[] {
    return [...this.#ends].filter(([, end]) => end > from).map(([topic]) => topic);
  }

  /** The log ends at `end`, perhaps before where it did: what comes there now is new. @throws RuntimeFault */
  endAt(end: number): void {
    const beyond = this.deletedBehind(end);
    if (beyond.length > 0) this.add(beyond, end);
  }

  /** Starts dispatch from `from` on: what lies before it needs no entry. @throws RuntimeFault; the entries do no harm */
  settle(from: number): void {
    const count = this.#ends.size;
    for (const [topic, end] of this.#ends) if (end <= from) this.#ends.delete(topic);
    if (this.#ends.size < count) this.#save();
  }

  #save(): void {
    this.#file.save(JSON.stringify(Object.fromEntries(this.#ends)));
  }
}

function parse(text: string): Record<string, number> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it is no JSON object");
  for (const [topic, end] of Object.entries(value)) {
    if (!Number.isSafeInteger(end)) throw new Error(`the offset of "${topic}" is no whole number`);
  }
  return value as Record<string, number>;
}
