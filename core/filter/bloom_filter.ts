/**
 * The Bloom filter over the consumer groups of a topic: the broker may note, with each message, which groups' expressions it
 * passes, in as many bits as all groups together need. Sizes and places as 5.5.0 computes them, since the bits lie on disk.
 */
import { encodeUtf8 } from "../../wire/bytes.ts";
import { murmur3Low64 } from "./murmur3.ts";

/** The bits of one group and topic, as consumerFilter.json holds them. */
export interface BloomFilterData {
  /** Bits in the whole filter. */
  readonly bitNum: number;
  readonly bitPos: number[];
}

export class BloomFilter {
  /** Bits in the whole filter, a multiple of 8. */
  readonly bitCount: number;
  readonly hashCount: number;

  /** @param errorRatePercent 1..99 (maxErrorRateOfBloomFilter). @param groupCount >= 1 (expectConsumerNumUseFilter). */
  constructor(errorRatePercent: number, groupCount: number) {
    const errorRate = errorRatePercent / 100;
    this.hashCount = Math.ceil(Math.log(errorRate) / Math.log(0.5));
    const bits = Math.ceil(groupCount * (Math.log(1 / errorRate) / Math.log(2)) * (Math.log(Math.E) / Math.log(2)));
    this.bitCount = 8 * Math.ceil(bits / 8);
  }

  generate(group: string, topic: string): BloomFilterData {
    const hash = murmur3Low64(encodeUtf8(`${group}#${topic}`));
    const low = Number(BigInt.asIntN(32, hash));
    const high = Number(BigInt.asIntN(32, hash >> 32n));
    const bitPos = Array.from({ length: this.hashCount }, (_, i) => {
      const combined = (low + Math.imul(i + 1, high)) | 0;
      return (combined < 0 ? ~combined : combined) % this.bitCount;
    });
    return { bitNum: this.bitCount, bitPos };
  }

  /** Whether `data` was made by a filter of this size. */
  isValid(data: BloomFilterData | undefined): data is BloomFilterData {
    return (
      data?.bitNum === this.bitCount &&
      data.bitPos.length === this.hashCount &&
      data.bitPos.every((at) => Number.isInteger(at) && at >= 0 && at < this.bitCount)
    );
  }

  newBits(): Uint8Array {
    return new Uint8Array(this.bitCount / 8);
  }

  /** False when the message certainly does not pass; true where a bitmap of another size says nothing. */
  mayHit(data: BloomFilterData, bits: Uint8Array): boolean {
    if (bits.length * 8 !== data.bitNum) return true;
    return data.bitPos.every((at) => ((bits[at >> 3] as number) & (1 << (at & 7))) !== 0);
  }
}

/** Sets the bits of `data` in a bitmap of its filter. */
export function setBits(data: BloomFilterData, bits: Uint8Array): void {
  for (const at of data.bitPos) bits[at >> 3] = (bits[at >> 3] as number) | (1 << (at & 7));
}
