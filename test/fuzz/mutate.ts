/** Small damage to bytes: what a broken client, a bad cable or an attacker does. */
import type { Dice } from "./random.ts";

/** Values that sit at the edges of length fields. */
const EDGES = [0, 1, 3, 4, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0xff_ffff, 0x7fff_ffff, -0x8000_0000, -1, -2];

/** Longest input made: lengths beyond it are only claimed, never sent. */
const BYTES_MAX = 64 * 1024;

type Mutation = (bytes: Uint8Array, dice: Dice) => Uint8Array;

const copied = (bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array => {
  const copy = bytes.slice();
  change(copy);
  return copy;
};

function joined(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const flipBit: Mutation = (bytes, dice) =>
  copied(bytes, (copy) => {
    const at = dice.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << dice.below(8));
  });

const setByte: Mutation = (bytes, dice) =>
  copied(bytes, (copy) => {
    copy[dice.below(copy.length)] = dice.below(256);
  });

const setInteger: Mutation = (bytes, dice) =>
  copied(bytes, (copy) => {
    const width = dice.pick([1, 2, 4]);
    if (copy.length < width) return;
    const view = new DataView(copy.buffer);
    const at = dice.below(copy.length - width + 1);
    const value = dice.once(3) ? copy.length + dice.below(9) - 4 : dice.pick(EDGES);
    if (width === 1) view.setInt8(at, value);
    else if (width === 2) view.setInt16(at, value);
    else view.setInt32(at, value);
  });

const cut: Mutation = (bytes, dice) => bytes.slice(0, dice.below(bytes.length));

const drop: Mutation = (bytes, dice) => {
  const from = dice.below(bytes.length);
  return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + dice.below(8)));
};

const double: Mutation = (bytes, dice) => {
  const from = dice.below(bytes.length);
  const to = from + 1 + dice.below(bytes.length - from);
  return joined(bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to));
};

const insert: Mutation = (bytes, dice) => {
  const at = dice.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), dice.bytes(1 + dice.below(8)), bytes.subarray(at));
};

/** Pieces of the formats, dropped where they do not belong. */
const TOKENS = [
  "{",
  "}",
  "[",
  "]",
  '"',
  ":",
  ",",
  "\\",
  "\\u",
  "null",
  "-",
  "1e999",
  "9223372036854775808",
  "\u0001",
  "\u0002",
  "=",
  "\n",
  "%",
  "é",
];
const ENCODER = new TextEncoder();

const insertToken: Mutation = (bytes, dice) => {
  const at = dice.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), ENCODER.encode(dice.pick(TOKENS).repeat(1 + dice.below(4))), bytes.subarray(at));
};

const MUTATIONS: readonly Mutation[] = [flipBit, setByte, setInteger, setInteger, cut, drop, double, insert, insertToken];

/** 1 to 6 mutations of `seed`, sometimes spliced with another. */
export function mutate(seed: Uint8Array, other: Uint8Array, dice: Dice): Uint8Array {
  let bytes = seed;
  if (dice.once(8)) bytes = joined(seed.subarray(0, dice.below(seed.length + 1)), other.subarray(dice.below(other.length + 1)));
  for (let left = 1 + dice.below(6); left > 0; left--) {
    if (bytes.length === 0) bytes = dice.bytes(1);
    bytes = dice.pick(MUTATIONS)(bytes, dice);
  }
  return bytes.length > BYTES_MAX ? bytes.slice(0, BYTES_MAX) : bytes;
}
