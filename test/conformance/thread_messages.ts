/** What `threads.test.ts` and its thread tell each other. */
export type Asked =
  | { readonly kind: "read"; readonly path: string; readonly position: number; readonly buffer: ArrayBuffer }
  | { readonly kind: "throw" }
  | { readonly kind: "spin" };

export interface Told {
  /** Messages so far. */
  readonly taken: number;
  readonly bytes: number;
  readonly buffer: ArrayBuffer;
}
