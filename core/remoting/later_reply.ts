/**
 * A reply to come, for processors that are asked fifty thousand times a second: it is awaited like a promise by whoever calls a
 * processor in this process, but with one listener, which is told at once. A chain of promises would cost each message two
 * promises, three closures and their scopes: a tenth of a microsecond or two, and much of the garbage of a busy broker.
 */

/** Who is told. `to` is what it listened with; `now` is Clock.monotonic(), where whoever settles many at once has it. */
export interface ReplyListener<R, T> {
  settled(to: T, reply: R, now?: number): void;
  failed(to: T, error: unknown): void;
}

export class LaterReply<R> implements PromiseLike<R> {
  #state: "waiting" | "settled" | "failed" = "waiting";
  #result: unknown;
  #listener: ReplyListener<R, unknown> | undefined;
  #to: unknown;

  /** Once. */
  listen<T>(listener: ReplyListener<R, T>, to: T): void {
    if (this.#listener !== undefined) throw new Error("a reply has one listener, and this one has it");
    this.#listener = listener as ReplyListener<R, unknown>;
    this.#to = to;
    if (this.#state !== "waiting") this.#tell(undefined);
  }

  /** @param now Clock.monotonic(), which spares a listener that measures a look at the clock */
  settle(reply: R, now?: number): void {
    this.#end("settled", reply, now);
  }

  fail(error: unknown): void {
    this.#end("failed", error, undefined);
  }

  // biome-ignore lint/suspicious/noThenProperty: callers in this process await it
  then<A = R, B = never>(
    onSettled?: ((reply: R) => A | PromiseLike<A>) | null,
    onFailed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return new Promise<R>((resolve, reject) => {
      this.listen({ settled: (_, reply) => resolve(reply), failed: (_, error) => reject(error as Error) }, undefined);
    }).then(onSettled, onFailed);
  }

  #end(state: "settled" | "failed", result: unknown, now: number | undefined): void {
    if (this.#state !== "waiting") throw new Error(`a reply that has ${this.#state} can't be ${state}`);
    this.#state = state;
    this.#result = result;
    if (this.#listener !== undefined) this.#tell(now);
  }

  #tell(now: number | undefined): void {
    if (this.#state === "settled") this.#listener?.settled(this.#to, this.#result as R, now);
    else this.#listener?.failed(this.#to, this.#result);
  }
}
