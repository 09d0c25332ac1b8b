/** The nameservers of a client: one is asked until it fails, then the next. */
import { type TopicRouteData, topicRouteData } from "../../wire/bodies/route.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { type RemotingClient, splitAddress } from "../remoting/client.ts";
import { type PeerReply, RemotingFault } from "../remoting/processor.ts";
import type { Random } from "../runtime.ts";
import { expectSuccess, MQClientError } from "./errors.ts";

export class NameServers {
  readonly addresses: readonly string[];
  readonly #remoting: RemotingClient;
  readonly #timeoutMs: number;
  /** The one that answered last; at first any, so that many clients spread. */
  #current: number;

  /** @param namesrvAddr `host:port`, several joined by `;`. @throws MQClientError kind invalid */
  constructor(remoting: RemotingClient, namesrvAddr: string, timeoutMs: number, random: Random) {
    this.addresses = namesrvAddr
      .split(/[;,]/)
      .map((address) => address.trim())
      .filter((address) => address !== "");
    if (this.addresses.length === 0) {
      throw new MQClientError("invalid", 'No nameserver is given: set namesrvAddr to "host:port", several joined by ";"');
    }
    for (const address of this.addresses) checkAddress(address);
    this.#remoting = remoting;
    this.#timeoutMs = timeoutMs;
    this.#current = random.below(this.addresses.length);
  }

  /**
   * The route of `topic`, or undefined when the nameserver knows none.
   * @throws MQClientError kind unreachable when none answers, MQBrokerError when one refuses
   */
  async route(topic: string): Promise<TopicRouteData | undefined> {
    const tried = `find the brokers of topic "${topic}"`;
    const { address, reply } = await this.ask(tried, (each) =>
      this.#remoting.invoke(each, "GET_ROUTEINFO_BY_TOPIC", { topic, acceptStandardJsonOnly: true }, undefined, this.#timeoutMs),
    );
    if (reply.code === ResponseCode.TOPIC_NOT_EXIST) return undefined;
    return topicRouteData.decode(expectSuccess(tried, address, reply).body);
  }

  /**
   * One question to whichever nameserver answers.
   * @throws MQClientError kind unreachable when none does; what else `call` throws
   */
  async ask(tried: string, call: (address: string) => Promise<PeerReply>): Promise<{ address: string; reply: PeerReply }> {
    const faults: string[] = [];
    for (let i = 0; i < this.addresses.length; i++) {
      const address = this.addresses[this.#current] as string;
      try {
        return { address, reply: await call(address) };
      } catch (fault) {
        if (!(fault instanceof RemotingFault)) throw fault;
        faults.push(fault.message);
        this.#current = (this.addresses.indexOf(address) + 1) % this.addresses.length;
      }
    }
    throw new MQClientError(
      "unreachable",
      `Cannot ${tried}: no nameserver answered (${faults.join("; ")}). Is one running there? namesrvAddr is ${this.addresses.join(";")}`,
    );
  }
}

function checkAddress(address: string): void {
  try {
    splitAddress(address);
  } catch (fault) {
    throw new MQClientError("invalid", `namesrvAddr: ${(fault as Error).message}`);
  }
}
