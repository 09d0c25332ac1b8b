/** Room for answers that wait for the disk: what is taken, who waits, and who gets nothing. */
import { describe, expect, test } from "bun:test";
import { AnswerRoom, type Asker } from "../../core/store/answer_room.ts";
import { Deferred } from "../../core/store/deferred.ts";

/** A read that ends when it is told to. */
class Read {
  readonly #done = new Deferred<string>();
  readonly name: string;
  readonly bytes: number;
  started = 0;

  constructor(name: string, bytes: number) {
    this.name = name;
    this.bytes = bytes;
  }

  in(room: AnswerRoom, asker?: Asker): string | Promise<string | undefined> {
    return room.attend(asker, (mine) => {
      if (!mine.has(this.bytes)) return undefined;
      this.started++;
      return this.#done.promise;
    });
  }

  end(): Promise<void> {
    this.#done.resolve(this.name);
    return turns();
  }

  fail(): Promise<void> {
    this.#done.reject(new Error(this.name));
    return turns();
  }
}

/** Lets what is settled go on. */
async function turns(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

class Peer implements Asker {
  closed = false;
  #behind: Deferred<void> | undefined;

  fallBehind(): void {
    this.#behind = new Deferred();
  }

  catchUp(): Promise<void> {
    this.#behind?.resolve();
    this.#behind = undefined;
    return turns();
  }

  caughtUp(): Promise<void> | undefined {
    return this.#behind?.promise;
  }
}

describe("room for answers that wait", () => {
  test("what needs none is had at once", () => {
    expect(new AnswerRoom(1).attend(undefined, () => "here")).toBe("here");
  });

  test("so many bytes wait; the others do so in line, in their order, and nobody overtakes them", async () => {
    const room = new AnswerRoom(100);
    const [a, b, c, d, e] = [60, 40, 70, 30, 1].map((bytes, i) => new Read("abcde"[i] as string, bytes)) as Read[];
    const ends = [a, b, c, d, e].map((read) => read?.in(room));
    const started = () => [a, b, c, d, e].map((read) => read?.started);
    expect(started()).toEqual([1, 1, 0, 0, 0]);
    await b?.end();
    expect([started(), room.bytes]).toEqual([[1, 1, 0, 0, 0], 60]);
    await a?.end();
    expect([started(), room.bytes]).toEqual([[1, 1, 1, 1, 0], 100]);
    await d?.end();
    expect([started(), room.bytes]).toEqual([[1, 1, 1, 1, 1], 71]);
    await c?.end();
    await e?.end();
    expect(room.bytes).toBe(0);
    expect(await Promise.all(ends)).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("one that is larger than all of it waits alone", async () => {
    const room = new AnswerRoom(100);
    const [small, large, next] = [new Read("small", 1), new Read("large", 500), new Read("next", 1)];
    const ends = [small, large, next].map((read) => read.in(room));
    expect(large.started).toBe(0);
    await small.end();
    expect([large.started, next.started, room.bytes]).toEqual([1, 0, 500]);
    await large.end();
    await next.end();
    expect(await Promise.all(ends)).toEqual(["small", "large", "next"]);
  });

  test("what fails gives its room back, at once or after it stood in line", async () => {
    const room = new AnswerRoom(100);
    const [first, second, third] = [new Read("first", 100), new Read("second", 100), new Read("third", 100)];
    const ends = [first, second, third].map((read) => read.in(room) as Promise<string>);
    const settled = Promise.allSettled(ends);
    await first.fail();
    await second.fail();
    expect([third.started, room.bytes]).toEqual([1, 100]);
    await third.end();
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
    const attend = () =>
      room.attend(undefined, (mine) => {
        mine.has(100);
        throw new Error("thrown");
      });
    expect(attend).toThrow("thrown");
    expect(room.bytes).toBe(0);
  });

  test("one that needs more than it first said waits for all of it, with nothing in hand", async () => {
    const room = new AnswerRoom(100);
    const other = new Read("other", 60);
    const others = other.in(room);
    const seen: string[] = [];
    const found = room.attend(undefined, async (mine) => {
      if (!mine.has(20)) return undefined;
      await Promise.resolve();
      seen.push(`has 20 of ${room.bytes}`);
      // Again, or less, is no more.
      if (!mine.has(20) || !mine.has(5) || !mine.has(90)) return undefined;
      seen.push(`has 90 of ${room.bytes}`);
      return "found";
    });
    await turns();
    expect([seen, room.bytes]).toEqual([["has 20 of 80"], 60]);
    await other.end();
    expect(await found).toBe("found");
    expect(seen).toEqual(["has 20 of 80", "has 20 of 90", "has 90 of 90"]);
    expect([await others, room.bytes]).toEqual(["other", 0]);
  });

  test("for one that is gone nothing is read; one that is behind waits without room until it has read", async () => {
    const room = new AnswerRoom(100);
    const [gone, behind] = [new Peer(), new Peer()];
    const reads = ["first", "gone", "behind", "last"].map((name) => new Read(name, 100));
    const askers = [undefined, gone, behind, undefined];
    const ends = reads.map((read, i) => read.in(room, askers[i]));
    const started = () => reads.map((read) => read.started);
    gone.closed = true;
    behind.fallBehind();
    await reads[0]?.end();
    expect([started(), room.bytes]).toEqual([[1, 0, 0, 1], 100]);
    await behind.catchUp();
    expect(started()).toEqual([1, 0, 0, 1]);
    await reads[3]?.end();
    expect(started()).toEqual([1, 0, 1, 1]);
    await reads[2]?.end();
    expect(await Promise.all(ends)).toEqual(["first", undefined, "behind", "last"]);
    expect(room.bytes).toBe(0);
  });
});
