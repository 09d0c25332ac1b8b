import { describe, expect, test } from "bun:test";
import { BodyPool } from "../../core/store/body_pool.ts";

describe("BodyPool", () => {
  test("a body that was given back is used again, once", () => {
    const pool = new BodyPool();
    const first = pool.take(5000);
    const release = pool.releaseOf(first) as () => void;
    release();
    release();
    const second = pool.take(100_000);
    expect(second.buffer).toBe(first.buffer);
    expect(second.length).toBe(100_000);
    expect(pool.take(5000).buffer).not.toBe(first.buffer);
  });

  test("a body that is held stays as it is", () => {
    const pool = new BodyPool();
    const held = pool.take(5000).fill(7);
    for (let i = 0; i < 20; i++) pool.take(5000).fill(1);
    expect(held.every((byte) => byte === 7)).toBe(true);
  });

  test("no more than 2 MiB are kept", () => {
    const pool = new BodyPool();
    const bodies = Array.from({ length: 20 }, () => pool.take(200_000));
    for (const body of bodies) pool.releaseOf(body)?.();
    const again = Array.from({ length: 20 }, () => pool.take(200_000));
    expect(again.filter(({ buffer }) => bodies.some((body) => body.buffer === buffer))).toHaveLength(8);
  });

  test("small and very large ones are nobody's", () => {
    const pool = new BodyPool();
    for (const bytes of [0, 1, 4095, 256 * 1024 + 1]) {
      expect(pool.take(bytes)).toHaveLength(bytes);
      expect(pool.releaseOf(pool.take(bytes))).toBeUndefined();
    }
  });
});
