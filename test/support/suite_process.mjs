// A process of the test runners that leaves nothing behind: whatever it started ends with it, so that a server that a test
// forgot can neither hold the runner's pipes open (`close` would never come) nor live on.
import { spawn } from "node:child_process";
import process from "node:process";

/** Between the request to end and the end. */
const GRACE_MS = 10_000;

/**
 * Starts `program` in a process group of its own. Interrupts go to the whole group.
 *
 * @param options as of `spawn`; `limitMs`: after so long the group is ended, and `onLimit` is told before
 * @returns the child; its `close` comes soon after its `exit`
 */
export function startSuite(program, args, { limitMs, onLimit, ...options }) {
  const child = spawn(program, args, { ...options, detached: true });
  const signalGroup = (signal) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Nobody is left in it.
    }
  };
  const timers = [];
  const end = () => {
    signalGroup("SIGTERM");
    timers.push(setTimeout(() => signalGroup("SIGKILL"), GRACE_MS));
  };
  if (limitMs !== undefined) {
    const limit = () => {
      onLimit?.();
      end();
    };
    timers.push(setTimeout(limit, limitMs));
  }
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, end);
  child.on("exit", () => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, end);
    for (const timer of timers) clearTimeout(timer);
    signalGroup("SIGKILL");
  });
  return child;
}
