/** Waiting that ends by itself: for those who call other machines. */
import type { Clock } from "../runtime.ts";

export interface Bounds {
  readonly timeoutMs: number;
  /** What is told after that. */
  readonly late: () => Error;
  readonly signal?: AbortSignal | undefined;
  /** One of the two came first: what `begin` began is not wanted any more. */
  readonly givenUp?: () => void;
}

/** What `begin` settles with; or a rejection with `late()`, or the signal's reason, when that comes first. Aborted before: nothing is begun. */
export function bounded<T>(
  clock: Clock,
  { timeoutMs, late, signal, givenUp }: Bounds,
  begin: (resolve: (value: T) => void, reject: (fault: unknown) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason as Error);
      return;
    }
    const end = () => {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
    };
    const giveUp = (reason: unknown) => {
      end();
      givenUp?.();
      reject(reason as Error);
    };
    const abort = () => giveUp(signal?.reason);
    const timer = clock.setTimeout(() => giveUp(late()), timeoutMs);
    signal?.addEventListener("abort", abort, { once: true });
    begin(
      (value) => {
        end();
        resolve(value);
      },
      (fault) => {
        end();
        reject(fault as Error);
      },
    );
  });
}
