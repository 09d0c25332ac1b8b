/** What happened in a simulated run, as a hash that must be the same on every runtime, and the last lines for whoever looks. */

const LINES_KEPT = 5000;

export class Trace {
  /** Lines so far. */
  count = 0;
  readonly #last: string[] = [];
  // FNV-1a, twice with different beginnings: 64 bits are enough to tell runs apart.
  #a = 0x811c9dc5;
  #b = 0x050c5d1f;

  add(line: string): void {
    this.count++;
    let a = this.#a;
    let b = this.#b;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ (code + 1), 0x01000193);
    }
    this.#a = Math.imul(a ^ 10, 0x01000193);
    this.#b = Math.imul(b ^ 11, 0x01000193);
    this.#last.push(line);
    if (this.#last.length > 2 * LINES_KEPT) this.#last.splice(0, LINES_KEPT);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, "0");
    return hex(this.#a) + hex(this.#b);
  }

  /** The newest lines, oldest first. */
  get last(): readonly string[] {
    return this.#last.slice(-LINES_KEPT);
  }
}
