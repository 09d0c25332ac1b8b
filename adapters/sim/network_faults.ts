/** What may go wrong between the machines of a simulated network (`network.ts` says what each fault means). */
import type { Range } from "./prng.ts";

export interface NetworkFaults {
  delayMs: Range;
  fragment: number;
  reset: number;
  drop: number;
  silence: number;
  refuse: number;
  windowBytes: number;
  /** Overwrites a chunk after `data` returned, so that whoever kept a view instead of a copy is found out. */
  poisonChunks: boolean;
}

export const NO_NETWORK_FAULTS: Readonly<NetworkFaults> = {
  delayMs: [0, 0],
  fragment: 0,
  reset: 0,
  drop: 0,
  silence: 0,
  refuse: 0,
  windowBytes: 256 * 1024,
  poisonChunks: false,
};

/** What shares a loopback and a set of addresses: one or several simulated processes. */
export interface Machine {
  readonly addresses: readonly string[];
}
