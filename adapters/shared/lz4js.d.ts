/** lz4js brings no types. */
declare module "lz4js" {
  /** One LZ4 frame, its blocks independent, of up to 4 MiB. */
  export function compress(bytes: Uint8Array): Uint8Array;
}
