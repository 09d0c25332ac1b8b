/** `node:worker_threads`, which behave alike on Bun, Deno and Node for what is asked of them here. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Thread, ThreadEvents, Threads } from "../../core/runtime.ts";

/** `package/build.mjs` knows these words: in the package the file lies elsewhere. */
const SIDE = new URL("./thread_side.ts", import.meta.url);

/** @param make may throw, which is told as what happens to a thread later is */
export const threadsBy = (make: (options: WorkerOptions) => Worker): Threads => ({
  start: (module, events) => new HostThread(make, module, events),
});

class HostThread implements Thread {
  readonly #worker: Worker | undefined;
  readonly #events: ThreadEvents;
  /** What was posted before it listens: Deno drops that. */
  #early: { readonly message: object; readonly transfer: readonly ArrayBuffer[] }[] | undefined = [];
  #ended = false;

  constructor(make: (options: WorkerOptions) => Worker, module: URL, events: ThreadEvents) {
    this.#events = events;
    try {
      this.#worker = make({ workerData: module.href });
    } catch (error) {
      // No memory, a limit of the system, a permission: told as what comes later is.
      queueMicrotask(() => this.#fail(error));
      return;
    }
    this.#worker.on("message", (message: unknown) => {
      if (this.#ended) return;
      if (this.#early === undefined) events.message(message);
      else this.#begin();
    });
    this.#worker.on("error", (error: unknown) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new Error(`the thread of "${module.href}" ended by itself with code ${code}`)));
    this.#worker.unref();
  }

  post(message: object, transfer: readonly ArrayBuffer[]): void {
    if (this.#ended) return;
    if (this.#early === undefined) this.#worker?.postMessage(message, [...transfer]);
    else this.#early.push(structuredClone({ message, transfer: [...transfer] }, { transfer: [...transfer] }));
  }

  /** It listens, and has said so. */
  #begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const { message, transfer } of early) this.post(message, transfer);
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#worker?.terminate();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    void this.stop();
    this.#events.failed(error instanceof Error ? error : new Error(String(error)));
  }
}

export const hostThreads = threadsBy(startWorker);

function startWorker(options: WorkerOptions): Worker {
  if (!isUnknownToNode(SIDE)) return new Worker(fileURLToPath(SIDE.href), options);
  // What `--import tsx` does for the process it does not do for its threads.
  const [loader, side] = [import.meta.resolve("tsx/esm/api"), SIDE.href].map((url) => JSON.stringify(url));
  const load = `import(${loader}).then(({ register }) => { register(); return import(${side}); })`;
  return new Worker(load, { ...options, eval: true });
}

/** TypeScript on a Node that does not read it: those before 22.18. */
function isUnknownToNode({ pathname }: URL): boolean {
  const { versions, features } = process as typeof process & { features: { typescript?: unknown } };
  const isNode = versions["bun"] === undefined && versions["deno"] === undefined;
  return isNode && pathname.endsWith(".ts") && !features.typescript;
}
