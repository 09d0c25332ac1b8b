/** What `threads.test.ts` runs on a thread. */
import type { ThreadMain } from "../../core/runtime.ts";
import type { Asked, Told } from "./thread_messages.ts";

const main: ThreadMain = ({ files, post }) => {
  const tell = (told: Told, buffer: ArrayBuffer) => post(told, [buffer]);
  let taken = 0;
  return (message) => {
    const asked = message as Asked;
    taken++;
    if (asked.kind === "throw") throw new Error("thrown on the thread");
    if (asked.kind === "spin") for (;;);
    const handle = files.open(asked.path, { readOnly: true });
    try {
      const target = new Uint8Array(asked.buffer);
      const bytes = handle.readSync(target, asked.position);
      tell({ taken, bytes, buffer: asked.buffer }, asked.buffer);
    } finally {
      handle.close();
    }
  };
};

export default main;
