/** A server that answers as a test says: for faults that no broker of ours has. */
import type { Runtime, Socket } from "../../core/runtime.ts";
import { topicRouteData } from "../../wire/bodies/route.ts";
import { ByteWriter } from "../../wire/byte_writer.ts";
import { FrameSplitter } from "../../wire/frame.ts";
import { FLAG_RESPONSE, type RemotingCommand } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { decodeCommand, encodeCommand } from "../../wire/serialize.ts";

export type Answer = (socket: Socket, request: RemotingCommand) => void;

/** A frame of an answer. */
export function frameOf(request: RemotingCommand, fields: Partial<RemotingCommand>): Uint8Array {
  const writer = new ByteWriter(256);
  encodeCommand({ ...request, flag: FLAG_RESPONSE, code: 0, remark: undefined, extFields: {}, ...fields }, writer);
  return writer.written().slice();
}

export interface FakeServer {
  readonly address: string;
  readonly sends: () => number;
  /** Hosts of this machine that connections are open at, one each. */
  readonly connectedAt: () => string[];
  /** Of a real port; the simulator's goes with the simulator. */
  readonly close: () => Promise<void>;
}

/** What it does otherwise than to keep silent at sends, say its route, and answer all else with an empty success. */
export interface Answers {
  readonly onSend?: Answer;
  readonly onRoute?: Answer | undefined;
  readonly onOther?: Answer;
  /** Asked with each request for a route: true at a host of this machine that says nothing to it. Then it listens at all hosts. */
  readonly silentAt?: (host: string) => boolean;
  /** Sees each request before it is answered. */
  readonly onRequest?: Answer;
  /** name -> address, of the route; default: this server alone, as "b". */
  readonly brokers?: ReadonlyMap<string, string>;
}

/** Nameserver and broker in one: it says of every topic that it is here, one queue a broker. */
export async function fakeServer(
  { net }: Pick<Runtime, "net">,
  { onSend, onRoute, brokers, onRequest, silentAt, onOther = (socket, request) => socket.write(frameOf(request, {})) }: Answers,
): Promise<FakeServer> {
  let address = "";
  let sends = 0;
  const route = () => {
    const all = [...(brokers ?? new Map([["b", address]]))];
    return topicRouteData.encode({
      brokerDatas: all.map(([brokerName, each]) => ({ cluster: "c", brokerName, brokerAddrs: new Map([[0, each]]) })),
      queueDatas: all.map(([brokerName]) => ({ brokerName, readQueueNums: 1, writeQueueNums: 1, perm: 6, topicSysFlag: 0 })),
      filterServerTable: new Map(),
    } as never);
  };
  const open = new Set<Socket>();
  const listener = await net.listen({ host: silentAt === undefined ? "127.0.0.1" : "0.0.0.0", port: 0 }, (socket) => {
    open.add(socket);
    const splitter = new FrameSplitter(1 << 26);
    return {
      data(chunk) {
        splitter.push(chunk, (bytes, from, to) => {
          const request = decodeCommand(bytes, from, to);
          onRequest?.(socket, request);
          if (request.code === REQUESTS.GET_ROUTEINFO_BY_TOPIC.code) {
            if (silentAt?.(socket.local.host) === true) return true;
            if (onRoute !== undefined) onRoute(socket, request);
            else socket.write(frameOf(request, { body: route() }));
          } else if (request.code === REQUESTS.SEND_MESSAGE_V2.code) {
            sends++;
            onSend?.(socket, request);
          } else onOther(socket, request);
          return true;
        });
      },
      drained() {},
      closed: () => void open.delete(socket),
    };
  });
  address = `127.0.0.1:${listener.address.port}`;
  return {
    address,
    sends: () => sends,
    connectedAt: () => [...open].map(({ local }) => local.host),
    close: () => listener.close(),
  };
}
