/** Sets timers that are far from due, and has nothing else to do: the process is to end. */
import { hostRuntime } from "../support/host_runtime.ts";

const { clock } = await hostRuntime();
clock.setTimeout(() => {}, 1_000_000);
clock.setTimeout(() => {}, 2 ** 33);
clock.setInterval(() => {}, 1_000_000);
console.log("set");
