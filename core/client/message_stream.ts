/** Messages handed from a listener to `for await`, one at a time: the listener's promise is kept when the next is asked for. */
import type { MessageExt } from "./message.ts";
import { SharedStart } from "./waiting.ts";

interface Offered {
  readonly message: MessageExt;
  readonly consumed: () => void;
  readonly refused: (reason: Error) => void;
}

type Asking = (offered: Offered | undefined) => void;

export class MessageStream {
  /** No more than the listener is called at a time. */
  readonly #offered: Offered[] = [];
  readonly #asking: Asking[] = [];
  /** A start that failed is tried again by the next step of any loop. */
  readonly #started: SharedStart;
  #ended = false;

  constructor(start: () => Promise<void>) {
    this.#started = new SharedStart(start);
  }

  /** Kept when a loop has consumed `message`; rejected when it left it. */
  offer(message: MessageExt): Promise<void> {
    return new Promise((resolve, reject) => {
      const offered = { message, consumed: resolve, refused: reject };
      if (this.#ended) reject(LEFT);
      else {
        const asking = this.#asking.shift();
        if (asking === undefined) this.#offered.push(offered);
        else asking(offered);
      }
    });
  }

  /** Loops end; what no loop took, or has at hand, is not consumed. */
  end(): void {
    this.#ended = true;
    for (const { refused } of this.#offered.splice(0)) refused(LEFT);
    for (const asking of this.#asking.splice(0)) asking(undefined);
  }

  /** Several loops share the messages. */
  iterator(): AsyncIterator<MessageExt> {
    let atHand: Offered | undefined;
    let gone = false;
    const asked = new Set<Asking>();
    const leave = () => {
      gone = true;
      atHand?.refused(LEFT);
      atHand = undefined;
      // A step that still waits must not take a message that nobody would look at.
      for (const asking of asked) {
        this.#asking.splice(this.#asking.indexOf(asking), 1);
        asking(undefined);
      }
    };
    return {
      next: async () => {
        atHand?.consumed();
        atHand = undefined;
        try {
          await this.#started.begun();
        } catch (fault) {
          if (!this.#ended) throw fault;
        }
        const next = gone ? undefined : await this.#next(asked);
        if (gone) next?.refused(LEFT);
        else atHand = next;
        if (atHand === undefined) return { done: true, value: undefined };
        return { done: false, value: atHand.message };
      },
      return: async () => {
        leave();
        return { done: true, value: undefined };
      },
    };
  }

  /** @param asked holds what asks while it waits */
  #next(asked: Set<Asking>): Promise<Offered | undefined> {
    if (this.#ended) return Promise.resolve(undefined);
    const offered = this.#offered.shift();
    if (offered !== undefined) return Promise.resolve(offered);
    return new Promise((resolve) => {
      const asking: Asking = (each) => {
        asked.delete(asking);
        resolve(each);
      };
      asked.add(asking);
      this.#asking.push(asking);
    });
  }
}

const LEFT = new Error("the loop over the messages was left before this one was consumed");
