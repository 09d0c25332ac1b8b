/**
 * UNIQ_KEY as the Java client makes it (`MessageClientIDSetter`): ip(4 or 16) pid(2) instance(4), then ms since 00:00 of
 * the first day of the month in local time (4) and a counter (2), in upper-case hex. Java puts the hash of its class
 * loader where we put four thrown bytes: both tell instances in one process apart. They are thrown anew when the clock goes
 * back, and when one millisecond has used the counter up: the same time and count may come again then.
 */
import { HOST_V6_BYTES, writeHost } from "../../wire/host.ts";
import type { Runtime } from "../runtime.ts";

const MINUTE_MS = 60_000;
/** A clock set back by less than this counts as standing still, as in Java. */
const BACKWARDS_MS = 1_000_000;

export class UniqKeys {
  readonly #runtime: Pick<Runtime, "clock" | "system" | "random">;
  readonly #address: string;
  #prefix: string;
  #lastMs: number;
  /** The millisecond in which the counter began anew. */
  #roundMs = -1;
  #monthStart = 0;
  #nextMonthStart = 0;
  #counter = 0;
  /** The text up to the counter, of the millisecond it was made in. */
  #start = "";
  #startedMs = -1;

  /** @param host an IP literal, of this machine */
  constructor(runtime: Pick<Runtime, "clock" | "system" | "random">, host: string) {
    this.#runtime = runtime;
    const bytes = new Uint8Array(HOST_V6_BYTES);
    const address = bytes.subarray(0, writeHost(bytes, 0, host, 0) - 4);
    this.#address = hex(address) + hexInt(runtime.system.pid & 0xffff, 4);
    this.#prefix = this.#address + hex(runtime.random.bytes(4));
    this.#lastMs = runtime.clock.now();
    this.#startMonth(this.#lastMs);
  }

  /** 32 characters, 56 with an IPv6 address. */
  next(): string {
    const now = this.#runtime.clock.now();
    if (now < this.#lastMs) this.#instanceAnew();
    this.#lastMs = now;
    if (now >= this.#nextMonthStart) this.#startMonth(now);
    let sinceMs = now - this.#monthStart;
    if (sinceMs < 0 && sinceMs > -BACKWARDS_MS) sinceMs = 0;
    const counter = this.#counter;
    this.#counter = (counter + 1) & 0xffff;
    if (counter === 0) {
      if (sinceMs === this.#roundMs) this.#instanceAnew();
      this.#roundMs = sinceMs;
    }
    if (sinceMs !== this.#startedMs) {
      this.#startedMs = sinceMs;
      this.#start = this.#prefix + hexInt(sinceMs >>> 0, 8);
    }
    return this.#start + (HEX_BYTES[counter >> 8] as string) + (HEX_BYTES[counter & 0xff] as string);
  }

  #instanceAnew(): void {
    this.#prefix = this.#address + hex(this.#runtime.random.bytes(4));
    this.#startedMs = -1;
  }

  #startMonth(now: number): void {
    const offsetMs = this.#runtime.system.utcOffsetMinutes(now) * MINUTE_MS;
    const local = new Date(now + offsetMs);
    const [year, month] = [local.getUTCFullYear(), local.getUTCMonth()];
    this.#monthStart = Date.UTC(year, month, 1) - offsetMs;
    this.#nextMonthStart = Date.UTC(year, month + 1, 1) - offsetMs;
  }
}

const hexInt = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, "0");

const HEX_BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => hexInt(byte, 2));

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexInt(byte, 2);
  return text;
}
