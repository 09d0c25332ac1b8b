/**
 * UNIQ_KEY for a message whose sender made none, in the form of Java clients: address(4) pid(2) class loader hash(4)
 * ms since the month began(4) counter(2), as upper-case hex.
 */
import type { Runtime } from "../../runtime.ts";

export class UniqKeyMaker {
  readonly #runtime: Pick<Runtime, "clock" | "system">;
  /** Address, pid and a number of this object's own instead of the class loader's. */
  readonly #prefix: string;
  #counter = 0;
  #monthBegan = 0;
  #monthEnds = 0;

  constructor(runtime: Pick<Runtime, "clock" | "system" | "random">) {
    this.#runtime = runtime;
    const address = runtime.random.bytes(4);
    const own = runtime.random.bytes(4);
    this.#prefix = hexOf(address) + hex(runtime.system.pid & 0xffff, 4) + hexOf(own);
  }

  next(): string {
    const now = this.#runtime.clock.now();
    if (now < this.#monthBegan || now >= this.#monthEnds) this.#setMonth(now);
    this.#counter = (this.#counter + 1) & 0xffff;
    return this.#prefix + hex((now - this.#monthBegan) >>> 0, 8) + hex(this.#counter, 4);
  }

  /** Local time, as Java clients. */
  #setMonth(now: number): void {
    const shift = this.#runtime.system.utcOffsetMinutes(now) * 60_000;
    const local = new Date(now + shift);
    this.#monthBegan = Date.UTC(local.getUTCFullYear(), local.getUTCMonth(), 1) - shift;
    this.#monthEnds = Date.UTC(local.getUTCFullYear(), local.getUTCMonth() + 1, 1) - shift;
  }
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => hex(byte, 2)).join("");
