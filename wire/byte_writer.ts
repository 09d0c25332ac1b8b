/** A growable buffer for encoders; big-endian. `take` and `reset` reuse it, so that a steady load allocates nothing. */
export class ByteWriter {
  bytes: Uint8Array;
  length = 0;
  #view: DataView;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Of `bytes`: like them, to be asked for again after what makes room. */
  get view(): DataView {
    return this.#view;
  }

  /** What was written, as a view that the next write may overwrite. */
  written(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** Forgets what was written; gives a buffer back that grew past `capacityMax`. */
  reset(capacityMax = 1 << 20): void {
    this.length = 0;
    if (this.bytes.length > capacityMax) this.#replace(new Uint8Array(capacityMax));
  }

  /**
   * Makes room for `count` more bytes and moves past them; returns where they begin. It may replace `bytes`: read that
   * only after the call.
   */
  skip(count: number): number {
    const at = this.length;
    this.#room(count);
    this.length = at + count;
    return at;
  }

  /** Makes room for `count` more bytes, for a writer that sets `length` itself; it may replace `bytes`. */
  reserve(count: number): void {
    this.#room(count);
  }

  int8(value: number): void {
    const at = this.skip(1);
    this.bytes[at] = value;
  }

  int16(value: number): void {
    const at = this.skip(2);
    this.#view.setInt16(at, value);
  }

  int32(value: number): void {
    const at = this.skip(4);
    this.#view.setInt32(at, value);
  }

  int32At(at: number, value: number): void {
    this.#view.setInt32(at, value);
  }

  int16At(at: number, value: number): void {
    this.#view.setInt16(at, value);
  }

  /** A safe integer as int64. */
  int64(value: number): void {
    const at = this.skip(8);
    const high = Math.floor(value / 0x1_0000_0000);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * 0x1_0000_0000);
  }

  raw(bytes: Uint8Array): void {
    const at = this.skip(bytes.length);
    this.bytes.set(bytes, at);
  }

  /** UTF-8 without a length; returns the number of bytes. */
  utf8(text: string): number {
    const from = this.length;
    this.#room(text.length * 3);
    const { written } = ENCODER.encodeInto(text, this.bytes.subarray(from));
    this.length = from + written;
    return written;
  }

  #room(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

const ENCODER = new TextEncoder();
