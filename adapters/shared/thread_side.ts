/** Where a thread begins (`threads.ts`): loads the module that it is to run, and gives it what there is on a thread. */
import { parentPort, workerData } from "node:worker_threads";
import type { ThreadMain, ThreadSide } from "../../core/runtime.ts";
import { Fault } from "./fault.ts";
import { HostFiles } from "./files.ts";

const port = parentPort;
if (port === null) throw new Error("thread_side.ts is no program: it is started by threads.ts");

const noLock = (): never => {
  throw new Fault("ENOTSUP", "A thread takes no locks: they belong to the process");
};
const side: ThreadSide = {
  files: new HostFiles(noLock),
  post: (message, transfer) => port.postMessage(message, [...transfer]),
};

const { default: main } = (await import(workerData as string)) as { default: ThreadMain };
port.on("message", main(side));
// The first message says that it listens.
port.postMessage("listening");
