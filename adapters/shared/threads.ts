/** `node:worker_threads`, which behave alike on Bun, Deno and Node for what is asked of them here. */
import process from "node:process";
import { Worker, type WorkerOptions } from "node:worker_threads";
import type { Thread, ThreadEvents, Threads } from "../../core/runtime.ts";

/** `package/build.mjs` knows these words: in the package the file lies elsewhere. */
const SIDE = new URL("./thread_side.ts", import.meta.url);

export const hostThreads: Threads = {
  start: (module, events) => new HostThread(module, events),
};

class HostThread implements Thread {
  readonly #worker: Worker;
  #ended = false;

  constructor(module: URL, events: ThreadEvents) {
    const worker = startWorker({ workerData: module.href });
    const end = (fault: Error): void => {
      if (this.#ended) return;
      this.#ended = true;
      void worker.terminate();
      events.failed(fault);
    };
    worker.on("message", (message: unknown) => {
      if (!this.#ended) events.message(message);
    });
    worker.on("error", (error: unknown) => end(error instanceof Error ? error : new Error(String(error))));
    worker.on("exit", (code) => end(new Error(`the thread of "${module.href}" ended by itself with code ${code}`)));
    worker.unref();
    this.#worker = worker;
  }

  post(message: object, transfer: readonly ArrayBuffer[]): void {
    if (!this.#ended) this.#worker.postMessage(message, [...transfer]);
  }

  async stop(): Promise<void> {
    this.#ended = true;
    await this.#worker.terminate();
  }
}

function startWorker(options: WorkerOptions): Worker {
  if (!isUnknownToNode(SIDE)) return new Worker(SIDE, options);
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
