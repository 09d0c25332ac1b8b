/**
 * What goes wrong for a client, as two types: a broker or nameserver refused (`MQBrokerError`, found by `responseCode`), or
 * no answer was to be had (`MQClientError`, found by `kind`). A message says what was tried, on which address, why it
 * failed and what mends it.
 */
import { ResponseCode, responseCodeName } from "../../wire/response_code.ts";
import { type PeerReply, RemotingFault } from "../remoting/processor.ts";

/**
 * - `invalid`: the call itself can't be served as it is written (an empty body, an illegal topic);
 * - `no-route`: no nameserver knows a broker that offers the topic;
 * - `unreachable`: no connection, or it broke before the answer; `timeout`: no answer in time;
 * - `bad-reply`: an answer came that is none of this protocol;
 * - `overloaded`: a bound of this client is reached; `closed`: this client was closed.
 */
export type MQClientErrorKind = "invalid" | "no-route" | "unreachable" | "timeout" | "bad-reply" | "overloaded" | "closed";

export class MQClientError extends Error {
  override readonly name: string = "MQClientError";
  readonly kind: MQClientErrorKind;

  constructor(kind: MQClientErrorKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
  }
}

/** A server answered with a code that is not the wanted one. */
export class MQBrokerError extends Error {
  override readonly name: string = "MQBrokerError";
  /** A value of `ResponseCode`. */
  readonly responseCode: number;
  /** What the server said about it. */
  readonly remark: string | undefined;
  /** `host:port` of who refused. */
  readonly brokerAddr: string;

  constructor(tried: string, brokerAddr: string, reply: Pick<PeerReply, "code" | "remark">) {
    const advice = ADVICE[reply.code];
    super(
      `Cannot ${tried}: ${brokerAddr} answered ${responseCodeName(reply.code)} (${reply.code})` +
        `${reply.remark === undefined || reply.remark === "" ? "" : `, "${reply.remark}"`}${advice === undefined ? "" : `. ${advice}`}`,
    );
    this.responseCode = reply.code;
    this.remark = reply.remark;
    this.brokerAddr = brokerAddr;
  }
}

const ADVICE: Readonly<Record<number, string>> = {
  [ResponseCode.SYSTEM_BUSY]: "The broker sheds load: send more slowly, or give it more room (sendThreadPoolQueueCapacity)",
  [ResponseCode.MESSAGE_ILLEGAL]: "Body and properties have to fit the broker's maxMessageSize and 32767 bytes",
  [ResponseCode.SERVICE_NOT_AVAILABLE]: "The disk is full or the broker is a slave: look at its log",
  [ResponseCode.NO_PERMISSION]:
    "Look at this client's credentials and what they may do, the topic's perm, the group's consumeEnable, and brokerPermission",
  [ResponseCode.TOPIC_NOT_EXIST]: "Create the topic (mqadmin updateTopic), or let the broker do it (autoCreateTopicEnable)",
  [ResponseCode.SUBSCRIPTION_PARSE_FAILED]: "Look at the filter expression",
  [ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST]:
    "Create the group (mqadmin updateSubGroup), or let the broker do it (autoCreateSubscriptionGroup)",
  [ResponseCode.REQUEST_CODE_NOT_SUPPORTED]: "This server is older than the request, or was built without it",
};

/** A fault of a call, as this module's types. Anything else is returned as it is. */
export function clientFault(tried: string, fault: unknown): unknown {
  if (!(fault instanceof RemotingFault)) return fault;
  const kind = fault.kind === "timeout" ? "timeout" : fault.kind === "garbled" ? "bad-reply" : "unreachable";
  return new MQClientError(kind, `Cannot ${tried}: ${fault.message}`, fault);
}

/** What `read` makes of an answer. @throws MQClientError kind bad-reply when it can't be read: cut off, or of another form */
export function readReply<T>(tried: string, address: string, read: () => T): T {
  try {
    return read();
  } catch (fault) {
    throw badReply(tried, address, fault);
  }
}

export const badReply = (tried: string, address: string, fault: unknown): MQClientError =>
  new MQClientError("bad-reply", `Cannot ${tried}: the answer of ${address} can't be read: ${(fault as Error).message}`, fault);

/** The reply when its code is SUCCESS. @throws MQBrokerError */
export function expectSuccess(tried: string, address: string, reply: PeerReply): PeerReply {
  if (reply.code !== ResponseCode.SUCCESS) throw new MQBrokerError(tried, address, reply);
  return reply;
}
