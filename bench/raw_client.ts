/**
 * A remoting client of a few lines for what the Java client can't measure: when a held pull is answered, when a server
 * that is starting gives its first answer, and what an idle connection costs. It speaks JSON headers only.
 */
import { connect, type Socket } from "node:net";
import { kvTable } from "../wire/bodies/kv_table.ts";
import { ByteWriter } from "../wire/byte_writer.ts";
import { FrameSplitter } from "../wire/frame.ts";
import { type ExtFields, LANGUAGE_OTHER, NO_BODY, type RemotingCommand, SERIALIZE_JSON } from "../wire/remoting_command.ts";
import { decodeCommand, encodeCommand } from "../wire/serialize.ts";

/** 5.5.0's ordinal; the version decides how strict the JSON of a route is. */
const version = 513;

/** An answer: its fields, and the moment its last byte was here (performance.now(), ms). */
export interface Answer {
  readonly code: number;
  readonly remark: string | undefined;
  readonly extFields: ExtFields;
  readonly body: Uint8Array;
  readonly atMs: number;
}

export class RawClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #opaque = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    const splitter = new FrameSplitter();
    socket.on("data", (chunk: Buffer) => {
      const atMs = performance.now();
      splitter.push(chunk, (frame, from, to) => {
        const { opaque, code, remark, extFields, body } = decodeCommand(frame, from, to);
        const waiting = this.#waiting.get(opaque);
        this.#waiting.delete(opaque);
        waiting?.resolve({ code, remark, extFields: extFields ?? {}, body: body.slice(), atMs });
      });
    });
    const fail = (error: Error): void => {
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    };
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("The server closed the connection")));
  }

  static connect(host: string, port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.removeListener("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends a request; settles with the answer that repeats its opaque, rejects when the connection ends before. */
  invoke(code: number, extFields: ExtFields, body: Uint8Array = NO_BODY): Promise<Answer> {
    const opaque = this.#opaque++;
    const command: RemotingCommand = {
      code,
      language: LANGUAGE_OTHER,
      version,
      opaque,
      flag: 0,
      remark: undefined,
      extFields,
      body,
      serializeType: SERIALIZE_JSON,
    };
    const writer = new ByteWriter();
    encodeCommand(command, writer);
    return new Promise((resolve, reject) => {
      this.#waiting.set(opaque, { resolve, reject });
      this.#socket.write(writer.written());
    });
  }

  /** SEND_MESSAGE to one queue, auto-creating the topic from TBW102. */
  send(topic: string, queueId: number, body: Uint8Array): Promise<Answer> {
    return this.invoke(
      10,
      {
        producerGroup: "bench-raw",
        topic,
        defaultTopic: "TBW102",
        defaultTopicQueueNums: "1",
        queueId: String(queueId),
        sysFlag: "0",
        bornTimestamp: String(Date.now()),
        flag: "0",
        properties: "",
        reconsumeTimes: "0",
        unitMode: "false",
      },
      body,
    );
  }

  /** GET_BROKER_RUNTIME_INFO. */
  async runtimeInfo(): Promise<ReadonlyMap<string, string>> {
    const { code, remark, body } = await this.invoke(28, {});
    if (code !== 0) throw new Error(`GET_BROKER_RUNTIME_INFO was answered with ${code}: ${remark}`);
    return kvTable.parse(new TextDecoder().decode(body)).table;
  }

  /** PULL_MESSAGE that the broker may hold until a message is there. */
  pull(topic: string, queueId: number, queueOffset: number, holdMs: number): Promise<Answer> {
    return this.invoke(11, {
      consumerGroup: "bench-raw-consumer",
      topic,
      queueId: String(queueId),
      queueOffset: String(queueOffset),
      maxMsgNums: "32",
      // suspend (2) and subscription (4)
      sysFlag: "6",
      commitOffset: "0",
      suspendTimeoutMillis: String(holdMs),
      subscription: "*",
      subVersion: "0",
      expressionType: "TAG",
    });
  }

  close(): void {
    this.#socket.destroy();
  }
}
