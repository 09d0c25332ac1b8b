/** What goes wrong around our client in earnest: one story each, for `client_faults.ts`, which starts and ends the servers. */
import { readFileSync } from "node:fs";
import {
  ClientInstance,
  type ClientOptions,
  MQBrokerError,
  MQClientError,
  type MQClientErrorKind,
  Producer,
  PushConsumer,
} from "../../core/client/mod.ts";
import type { Runtime } from "../../core/runtime.ts";
import { rejection } from "../client/harness.ts";
import { FaultProxy } from "./fault_proxy.ts";

export interface FaultContext {
  readonly runtime: Runtime;
  readonly namesrvAddr: string;
  readonly brokerPort: number;
  /** Of the servers: certificates are there. */
  readonly directory: string;
  /** Tells the runs on one cluster apart. */
  readonly suffix: string;
  /** Asks the driver to do something to a server, and waits until it is done. */
  readonly ask: (what: "stopNamesrv" | "startNamesrv" | "killBroker" | "startBroker") => Promise<void>;
}

type FaultCase = (it: Story) => Promise<void>;

const DEADLINE_MS = 60_000;
/** A call may be late by so much on a busy machine. */
const LATE_MS = 1_500;

/** Against a broker as it comes. */
export const faultCases: Readonly<Record<string, FaultCase>> = {
  async "the nameserver is gone, then back"(it) {
    const producer = it.producer();
    await producer.send({ topic: it.topic, body: "before" });
    await it.ask("stopNamesrv");
    const startedAt = performance.now();
    // What is known goes on; what must be asked for is told, by whom it was not answered.
    await producer.send({ topic: it.topic, body: "known" });
    const fault = await rejection(producer.send({ topic: `${it.topic}-new`, body: "new" }, { timeoutMs: 2_000 }));
    isFault(fault, ["unreachable", "timeout", "no-route"], it.namesrvAddr);
    notLater(startedAt, 2_000 + 2_000);
    await it.ask("startNamesrv");
    // The broker tells its new nameserver of itself within 10 s.
    await eventually(() => producer.send({ topic: `${it.topic}-new`, body: "back" }, { timeoutMs: 2_000 }));
    await producer.send({ topic: it.topic, body: "after" });
  },

  async "the broker is killed under sends and consumption, and comes back"(it) {
    const producer = it.producer({ retryTimesWhenSendFailed: 2 });
    const consumed = new Map<string, number>();
    const consumer = it.consumer();
    await consumer.start((message) => {
      consumed.set(message.text(), (consumed.get(message.text()) ?? 0) + 1);
    });
    const early = Array.from({ length: 50 }, (_, i) => `early ${i}`);
    for (const body of early) await producer.send({ topic: it.topic, body });
    await until("the early messages are consumed", () => early.every((body) => consumed.has(body)));
    await until("and their offsets are stored", async () => (await it.committed()) === early.length);

    const acknowledged: string[] = [];
    const faults: Error[] = [];
    let [sending, sent] = [true, 0];
    const lanes = Array.from({ length: 8 }, async () => {
      while (sending) {
        const body = `late ${sent++}`;
        await producer.send({ topic: it.topic, body }, { timeoutMs: 2_000 }).then(
          () => acknowledged.push(body),
          async (fault: Error) => {
            faults.push(fault);
            await new Promise((resolve) => setTimeout(resolve, 50));
          },
        );
      }
    });
    const more = (count: number) => {
      const wanted = acknowledged.length + count;
      return until(`${count} more are acknowledged`, () => acknowledged.length >= wanted);
    };
    await more(200);
    await it.ask("killBroker");
    await it.ask("startBroker");
    await more(200);
    sending = false;
    await Promise.all(lanes);
    await until("all that was acknowledged is consumed", () => acknowledged.every((body) => consumed.has(body)));
    // What failed was told in the client's types, and the consumer went on where it was.
    const strangers = faults.filter((fault) => !(fault instanceof MQClientError || fault instanceof MQBrokerError));
    same("faults of other types", strangers.map(String), []);
    const twice = early.filter((body) => (consumed.get(body) ?? 0) > 1);
    same("messages consumed again whose offsets were stored", twice, []);
  },

  async "half of a reply, then the connection is closed"(it) {
    const { broker, producer } = await it.behindProxies();
    broker.harm = "cut";
    const startedAt = performance.now();
    const fault = await rejection(producer.send({ topic: it.topic, body: "cut" }, { timeoutMs: 3_000 }));
    isFault(fault, ["unreachable"], `127.0.0.1:${broker.port}`);
    notLater(startedAt, 3_000);
    broker.harm = "none";
    same("the next send", (await producer.send({ topic: it.topic, body: "whole" })).sendStatus, "SEND_OK");
  },

  async "a reply that never comes"(it) {
    const { broker, producer } = await it.behindProxies();
    broker.harm = "keep";
    const startedAt = performance.now();
    const fault = await rejection(producer.send({ topic: it.topic, body: "kept" }, { timeoutMs: 1_200 }));
    isFault(fault, ["timeout"], `127.0.0.1:${broker.port}`);
    notLater(startedAt, 1_200);
    broker.harm = "none";
    same("the next send", (await producer.send({ topic: it.topic, body: "answered" })).sendStatus, "SEND_OK");
  },

  async "a reply in a serialization that there is not"(it) {
    const { broker, producer } = await it.behindProxies();
    broker.harm = "garble";
    const startedAt = performance.now();
    const fault = await rejection(producer.send({ topic: it.topic, body: "garbled" }, { timeoutMs: 3_000 }));
    isFault(fault, ["bad-reply"], `127.0.0.1:${broker.port}`);
    notLater(startedAt, 3_000);
    broker.harm = "none";
    same("the next send", (await producer.send({ topic: it.topic, body: "read" })).sendStatus, "SEND_OK");
  },

  async "a consumer whose pulls are cut goes on where it was"(it) {
    const { broker, producer, client } = await it.behindProxies();
    const seen: string[] = [];
    const consumer = it.consumer(client);
    await consumer.start((message) => {
      if (message.text() !== "first") seen.push(message.text());
    });
    const bodies = Array.from({ length: 30 }, (_, i) => `${i}`);
    for (const body of bodies.slice(0, 10)) await producer.send({ topic: it.topic, body });
    await until("the first ten are consumed", () => seen.length >= 10);
    broker.harm = "cut";
    const other = it.producer();
    for (const body of bodies.slice(10, 20)) await other.send({ topic: it.topic, body });
    await new Promise((resolve) => setTimeout(resolve, 500));
    broker.harm = "none";
    for (const body of bodies.slice(20)) await other.send({ topic: it.topic, body });
    await until("all are consumed", () => new Set(seen).size === bodies.length);
    same(
      "what was consumed",
      [...new Set(seen)]
        .map(Number)
        .sort((a, b) => a - b)
        .map(String),
      bodies,
    );
  },
};

/** Against brokers of ours that ask for credentials: ACL 2.0 and ACL 1.0. */
export const credentials = {
  right: { accessKey: "rocketmq-root", secretKey: "the-secret-of-root" },
  wrong: { accessKey: "rocketmq-root", secretKey: "not-the-secret-of-root" },
} as const;

export const aclFaultCases: Readonly<Record<string, FaultCase>> = {
  async "credentials that are refused"(it) {
    const good = it.producer({}, it.client({ credentials: credentials.right }));
    same("a signed send", (await good.send({ topic: it.topic, body: "x" })).sendStatus, "SEND_OK");
    for (const given of [credentials.wrong, undefined]) {
      const client = it.client(given === undefined ? {} : { credentials: given });
      for (const call of [
        () => it.producer({}, client).send({ topic: it.topic, body: "x" }, { timeoutMs: 5_000 }),
        () => it.consumer(client).start(() => {}),
      ]) {
        const fault = await outcome(call());
        if (fault === undefined) continue;
        if (!(fault instanceof MQBrokerError)) throw new Error(`${fault.name}: ${fault.message}`);
        if (fault.message.includes("the-secret-of-root")) throw new Error(`a secret is quoted: ${fault.message}`);
        // ACL 1.0 has its own words, and no code of its own.
        if (!/credentials|AclException/.test(fault.message)) throw new Error(`credentials are not named: ${fault.message}`);
      }
      // A consumer may start before anybody refuses it; a send never succeeds.
      isRefused(await rejection(it.producer({}, client).send({ topic: it.topic, body: "x" })));
    }
    const seen: string[] = [];
    await it.consumer(it.client({ credentials: credentials.right })).start((message) => void seen.push(message.text()));
    await until("the message is consumed by who may", () => seen.length === 1);
  },
};

/** Against servers that speak TLS only, and look at certificates; the files are `tls_files.ts`'s. */
export const tlsFaultCases: Readonly<Record<string, FaultCase>> = {
  async "TLS is enforced, and both sides show certificates"(it) {
    const pem = (name: string) => readFileSync(`${it.directory}/${name}`, "utf8");
    const identity = { certificate: pem("client.pem"), key: pem("client.key") };
    const authorities = pem("server.pem");
    const plain = await rejection(it.producer({}, it.client()).send({ topic: it.topic, body: "x" }, { timeoutMs: 4_000 }));
    isFault(plain, ["unreachable", "timeout"], it.namesrvAddr);
    const stranger = it.client({ tls: { verifyServer: true, authorities: identity.certificate, identity } });
    const refused = await rejection(it.producer({}, stranger).send({ topic: it.topic, body: "x" }, { timeoutMs: 4_000 }));
    isFault(refused, ["unreachable", "timeout"], it.namesrvAddr);
    const secured = it.client({ tls: { verifyServer: true, authorities, identity } });
    const producer = it.producer({}, secured);
    await eventually(() => producer.send({ topic: it.topic, body: "x".repeat(100_000) }));
    const seen: number[] = [];
    await it.consumer(secured).start((message) => void seen.push(message.body.length));
    await until("what was sent by TLS is consumed by TLS", () => seen.includes(100_000));
  },
};

/** What a story works with: a topic and a group of its own, clients and proxies that are closed at the end. */
export class Story {
  readonly runtime: Runtime;
  readonly namesrvAddr: string;
  readonly directory: string;
  readonly topic: string;
  readonly group: string;
  readonly ask: FaultContext["ask"];
  readonly #context: FaultContext;
  readonly #closing: (() => Promise<void>)[] = [];
  #client: ClientInstance | undefined;

  constructor(context: FaultContext, index: number) {
    this.#context = context;
    this.runtime = context.runtime;
    this.namesrvAddr = context.namesrvAddr;
    this.directory = context.directory;
    this.ask = context.ask;
    this.topic = `Fault${index}-${context.suffix}`;
    this.group = `fault${index}-${context.suffix}`;
  }

  client(options: Partial<ClientOptions> = {}): ClientInstance {
    const client = new ClientInstance({ runtime: this.runtime, namesrvAddr: this.namesrvAddr, ...options });
    this.#closing.push(() => client.close());
    return client;
  }

  #own(): ClientInstance {
    this.#client ??= this.client();
    return this.#client;
  }

  producer(options: { readonly retryTimesWhenSendFailed?: number } = {}, client = this.#own()): Producer {
    return new Producer(client, { producerGroup: `${this.group}-p`, sendMsgTimeout: 20_000, ...options });
  }

  consumer(client = this.#own()): PushConsumer {
    return new PushConsumer(client, {
      consumerGroup: this.group,
      subscription: { [this.topic]: "*" },
      consumeFromWhere: "CONSUME_FROM_FIRST_OFFSET",
      persistConsumerOffsetInterval: 500,
    });
  }

  /** The sum of the group's stored offsets, without the queues that can't be asked now. */
  async committed(topic = this.topic, consumerGroup = this.group): Promise<number> {
    const client = this.#own();
    let sum = 0;
    for (const { brokerName, queueId } of (await client.route(topic)).readQueues) {
      const address = client.brokerAddr(brokerName) ?? "";
      const asked = client.call("ask for an offset", address, "QUERY_CONSUMER_OFFSET", { consumerGroup, topic, queueId });
      sum += await asked.then(
        ({ header }) => Math.max(0, header.offset),
        () => 0,
      );
    }
    return sum;
  }

  /** A client that reaches nameserver and broker through proxies, and has sent once. */
  async behindProxies(): Promise<{ broker: FaultProxy; producer: Producer; client: ClientInstance }> {
    const { brokerPort } = this.#context;
    const broker = await FaultProxy.start(brokerPort);
    const namesrv = await FaultProxy.start(Number(this.namesrvAddr.split(":").at(-1)), { port: brokerPort, as: broker.port });
    this.#closing.push(
      () => broker.close(),
      () => namesrv.close(),
    );
    const client = this.client({ namesrvAddr: `127.0.0.1:${namesrv.port}` });
    const producer = this.producer({ retryTimesWhenSendFailed: 1 }, client);
    await producer.send({ topic: this.topic, body: "first" });
    return { broker, producer, client };
  }

  async close(): Promise<void> {
    for (const close of this.#closing.toReversed()) await close().catch(() => {});
  }
}

const outcome = (call: Promise<unknown>): Promise<Error | undefined> =>
  call.then(
    () => undefined,
    (fault: Error) => fault,
  );

function isRefused(fault: Error): void {
  if (!(fault instanceof MQBrokerError)) throw new Error(`${fault.name}: ${fault.message}, not a refusal`);
}

/** @param address that the message must name */
function isFault(fault: Error & { kind?: string }, kinds: readonly MQClientErrorKind[], address: string): void {
  if (!(fault instanceof MQClientError) || !kinds.includes(fault.kind)) {
    throw new Error(`${fault.name} of kind ${fault.kind}: ${fault.message}, not ${kinds.join(" or ")}`);
  }
  if (!fault.message.includes(address)) throw new Error(`${address} is not named: ${fault.message}`);
}

function notLater(startedAt: number, timeoutMs: number): void {
  const ms = performance.now() - startedAt;
  if (ms > timeoutMs + LATE_MS) throw new Error(`it took ${ms.toFixed(0)} ms, the time-out is ${timeoutMs} ms`);
}

function same(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a?.slice(0, 300)}, expected ${b?.slice(0, 300)}`);
}

async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await is())) {
    if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The first success of a call that may fail for a while. */
async function eventually<T>(call: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await call();
    } catch (fault) {
      if (Date.now() > deadline) throw fault;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
