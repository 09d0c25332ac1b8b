/**
 * Messages by their offset. They come in its order, since pulls go forward, and mostly leave in it: so it is an array whose
 * front moves on, and in which what left before others is a hole. A map cost ten times as much.
 */
import type { MessageExt } from "./message.ts";

/** Slots in front of the first message are given back when they are so many, and half of all. */
const GIVEN_BACK_MIN = 256;

export class OffsetOrdered {
  /** Ascending; those of holes stay, so that they can be searched. */
  #offsets: number[] = [];
  #slots: (MessageExt | undefined)[] = [];
  /** The first slot that is no hole; their number when there is none. */
  #front = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get first(): MessageExt | undefined {
    return this.#slots[this.#front];
  }

  /** One of the same offset is replaced. */
  add(message: MessageExt): void {
    const { queueOffset } = message;
    const end = this.#offsets.length;
    if (end === 0 || queueOffset > (this.#offsets[end - 1] as number)) {
      this.#offsets.push(queueOffset);
      this.#slots.push(message);
      this.#count++;
      return;
    }
    const at = this.#find(queueOffset);
    if (this.#offsets[at] === queueOffset) {
      if (this.#slots[at] === undefined) this.#count++;
      this.#slots[at] = message;
    } else {
      this.#offsets.splice(at, 0, queueOffset);
      this.#slots.splice(at, 0, message);
      this.#count++;
    }
    this.#front = Math.min(this.#front, at);
  }

  /** @returns what was there */
  delete(queueOffset: number): MessageExt | undefined {
    const at = this.#offsets[this.#front] === queueOffset ? this.#front : this.#find(queueOffset);
    const message = this.#offsets[at] === queueOffset ? this.#slots[at] : undefined;
    if (message === undefined) return undefined;
    this.#slots[at] = undefined;
    this.#count--;
    if (at === this.#front) this.#advance();
    return message;
  }

  /** The first ones, in their order. */
  peek(countMax: number): MessageExt[] {
    const first: MessageExt[] = [];
    for (let at = this.#front; at < this.#slots.length && first.length < countMax; at++) {
      const message = this.#slots[at];
      if (message !== undefined) first.push(message);
    }
    return first;
  }

  #advance(): void {
    const { length } = this.#slots;
    do this.#front++;
    while (this.#front < length && this.#slots[this.#front] === undefined);
    if (this.#front === length) {
      this.#offsets = [];
      this.#slots = [];
      this.#front = 0;
    } else if (this.#front >= GIVEN_BACK_MIN && 2 * this.#front >= length) {
      this.#offsets = this.#offsets.slice(this.#front);
      this.#slots = this.#slots.slice(this.#front);
      this.#front = 0;
    }
  }

  /** The first slot whose offset is not below `queueOffset`. */
  #find(queueOffset: number): number {
    let [from, to] = [0, this.#offsets.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#offsets[middle] as number) < queueOffset) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
