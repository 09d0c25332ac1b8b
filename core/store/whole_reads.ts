/** Reads that end at the end of the file, and nowhere else. */
import type { FileHandle, PagesInMemory } from "../runtime.ts";

/**
 * The handle, with reads that go on until the target is full or the file ends. A system may hand over less (a signal, a
 * network file system); who took that for the end of the file would cut the log there.
 */
export function wholeReads(handle: FileHandle): FileHandle {
  return new WholeReads(handle);
}

class WholeReads implements FileHandle {
  readonly path: string;
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.path = handle.path;
    this.#handle = handle;
  }

  readSync(target: Uint8Array, position: number): number {
    let done = this.#handle.readSync(target, position);
    while (done > 0 && done < target.length) {
      const got = this.#handle.readSync(target.subarray(done), position + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  readCached(target: Uint8Array, position: number): number {
    return this.#handle.readCached(target, position);
  }

  pagesInMemory(position: number, length: number): PagesInMemory | undefined {
    return this.#handle.pagesInMemory(position, length);
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    let done = await this.#handle.read(target, position);
    while (done > 0 && done < target.length) {
      const got = await this.#handle.read(target.subarray(done), position + done);
      if (got === 0) break;
      done += got;
    }
    return done;
  }

  writeSync(bytes: Uint8Array, position: number): void {
    this.#handle.writeSync(bytes, position);
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return this.#handle.write(bytes, position);
  }

  dataSyncSync(): void {
    this.#handle.dataSyncSync();
  }

  dataSync(): Promise<void> {
    return this.#handle.dataSync();
  }

  truncate(size: number): void {
    this.#handle.truncate(size);
  }

  size(): number {
    return this.#handle.size();
  }

  close(): void {
    this.#handle.close();
  }
}
