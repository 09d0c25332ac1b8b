/**
 * Promises broken on purpose, from outside: what stands between the simulator and a store, or over a store, and lies. The
 * checkers must notice each within a fixed number of seeds (`mutations.test.ts`).
 */
import type { FileHandle, Files, Runtime } from "../../core/runtime.ts";
import { DefaultMessageStore } from "../../core/store/default_message_store.ts";
import type { StoreSimOptions } from "./store_sim.ts";

export interface Mutation {
  readonly name: string;
  /** What is broken, and what it should cost. */
  readonly breaks: string;
  readonly options: Pick<StoreSimOptions, "runtime" | "makeStore">;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: "flush order",
    breaks:
      "a file of the log says that it is on the disk one sync too early: queues, checkpoint and acknowledgements come before it",
    options: { runtime: (runtime) => withFiles(runtime, lateSyncs) },
  },
  {
    name: "acknowledgement",
    breaks: "a message is acknowledged as soon as it is appended, before it is written or flushed",
    options: { makeStore: (runtime, log, settings) => new EagerStore(runtime, log, settings) },
  },
  {
    name: "recovery",
    breaks: "a start takes every stop for an orderly one: what was not dispatched before a crash never is",
    options: {
      runtime: (runtime) => withFiles(runtime, (files) => ({ exists: (path) => !path.endsWith("/abort") && files.exists(path) })),
    },
  },
];

/** The object, with some of its methods replaced. */
function overriding<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(object, name) {
      if (Object.hasOwn(methods, name)) return methods[name as keyof T];
      const value: unknown = Reflect.get(object, name, object);
      return typeof value === "function" ? (value.bind(object) as unknown) : value;
    },
  });
}

const withFiles = (runtime: Runtime, methods: (files: Files) => Partial<Files>): Runtime => ({
  ...runtime,
  files: overriding(runtime.files, methods(runtime.files)),
});

/** The sync of a log file happens when the next is asked for. */
function lateSyncs(files: Files): Partial<Files> {
  return {
    open(path, options) {
      const handle: FileHandle = files.open(path, options);
      if (!path.includes("/commitlog/")) return handle;
      let due = false;
      return overriding(handle, {
        async dataSync() {
          if (due) await handle.dataSync();
          due = true;
        },
      });
    },
  };
}

class EagerStore extends DefaultMessageStore {
  override durable(endOffset: number, flushed: boolean): Promise<boolean> {
    super.durable(endOffset, flushed).catch(() => {});
    return Promise.resolve(true);
  }
}
