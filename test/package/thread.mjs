// In the project that has the package installed: has a thread look at nothing, with the runtime that is named.
import process from "node:process";

const name = process.argv[2];
const runtime = (await import(`edgemq/${name}`))[`${name}Runtime`]();
const module = new URL("./node_modules/edgemq/core/broker/filters/filter_thread.js", import.meta.url);
const thread = runtime.threads.start(module, {
  message: ({ looked, unitsBytes }) => {
    console.log(`looked at ${looked} of ${unitsBytes} bytes`);
    void thread.stop().then(() => clearTimeout(limit));
  },
  failed: (fault) => {
    throw fault;
  },
});
// The thread keeps no process alive.
const limit = setTimeout(() => undefined, 60_000);
const limits = { messagesMax: 1, bytesMax: 1, begin: 0, end: 0, fileSize: 1024, files: [] };
const job = { units: new ArrayBuffer(0), unitsBytes: 0, from: 0, body: new ArrayBuffer(0), ...limits };
thread.post({ expression: "a = 1", job }, [job.units, job.body]);
