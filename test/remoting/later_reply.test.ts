import { describe, expect, test } from "bun:test";
import { LaterReply } from "../../core/remoting/later_reply.ts";

function told(): { seen: unknown[]; settled: (to: string, reply: number) => void; failed: (to: string, error: unknown) => void } {
  const seen: unknown[] = [];
  return {
    seen,
    settled: (to, reply) => seen.push([to, reply]),
    failed: (to, error) => seen.push([to, (error as Error).message]),
  };
}

describe("LaterReply", () => {
  test("tells its listener at once, whichever came first", () => {
    const listener = told();
    const early = new LaterReply<number>();
    early.listen(listener, "early");
    early.settle(1);
    const late = new LaterReply<number>();
    late.fail(new Error("disk"));
    late.listen(listener, "late");
    expect(listener.seen).toEqual([
      ["early", 1],
      ["late", "disk"],
    ]);
  });

  test("is awaited like a promise", async () => {
    const reply = new LaterReply<number>();
    queueMicrotask(() => reply.settle(7));
    expect(await reply).toBe(7);
    const failing = new LaterReply<number>();
    queueMicrotask(() => failing.fail(new Error("disk")));
    await expect(Promise.resolve(failing)).rejects.toThrow("disk");
  });

  test("ends once and has one listener", () => {
    const reply = new LaterReply<number>();
    reply.listen(told(), "a");
    expect(() => reply.listen(told(), "b")).toThrow("one listener");
    reply.settle(1);
    expect(() => reply.fail(new Error())).toThrow("settled");
    expect(() => reply.settle(2)).toThrow("settled");
  });
});
