/** Headers of transactions: end, check-back, resumed checks. Field names are Apache's. */
import { defaulted, type HeaderCodec, header, optional, required } from "../header.ts";
import { type RpcHeader, rpcFields } from "./common.ts";

export interface CheckTransactionStateRequestHeader extends RpcHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** Queue offset of the half message. */
  tranStateTableOffset: number;
  /** Physical offset of the half message. */
  commitLogOffset: number;
  /** UNIQ_KEY of the half message. */
  msgId?: string | undefined;
  /** Unique key of the half message. */
  transactionId?: string | undefined;
  /** Offset message id of the half message. */
  offsetMsgId?: string | undefined;
}
export const checkTransactionStateRequestHeader: HeaderCodec<CheckTransactionStateRequestHeader> =
  header<CheckTransactionStateRequestHeader>("CheckTransactionStateRequestHeader", {
    ...rpcFields,
    topic: optional.string,
    tranStateTableOffset: required.long,
    commitLogOffset: required.long,
    msgId: optional.string,
    transactionId: optional.string,
    offsetMsgId: optional.string,
  });

export interface CheckTransactionStateResponseHeader {
  /** Producer group. */
  producerGroup: string;
  /** Queue offset of the half message. */
  tranStateTableOffset: number;
  /** Physical offset of the half message. */
  commitLogOffset: number;
  /** 8 commit, 12 rollback, 0 unknown (sysFlag bits). */
  commitOrRollback: number;
}
export const checkTransactionStateResponseHeader: HeaderCodec<CheckTransactionStateResponseHeader> =
  header<CheckTransactionStateResponseHeader>("CheckTransactionStateResponseHeader", {
    producerGroup: required.string,
    tranStateTableOffset: required.long,
    commitLogOffset: required.long,
    commitOrRollback: required.int,
  });

export interface EndTransactionRequestHeader extends RpcHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** Producer group. */
  producerGroup: string;
  /** Queue offset of the half message. */
  tranStateTableOffset: number;
  /** Physical offset of the half message. */
  commitLogOffset: number;
  /** 8 commit, 12 rollback, 0 unknown (sysFlag bits). */
  commitOrRollback: number;
  /** True when this answers a check-back. */
  fromTransactionCheck: boolean;
  /** UNIQ_KEY of the half message. */
  msgId: string;
  /** Unique key of the half message. */
  transactionId?: string | undefined;
}
export const endTransactionRequestHeader: HeaderCodec<EndTransactionRequestHeader> = header<EndTransactionRequestHeader>(
  "EndTransactionRequestHeader",
  {
    ...rpcFields,
    topic: optional.string,
    producerGroup: required.string,
    tranStateTableOffset: required.long,
    commitLogOffset: required.long,
    commitOrRollback: required.int,
    fromTransactionCheck: defaulted.boolean(false),
    msgId: required.string,
    transactionId: optional.string,
  },
);

export interface ResumeCheckHalfMessageRequestHeader {
  /** Topic name. */
  topic?: string | undefined;
  /** offsetMsgId of the half message. */
  msgId?: string | undefined;
}
export const resumeCheckHalfMessageRequestHeader: HeaderCodec<ResumeCheckHalfMessageRequestHeader> =
  header<ResumeCheckHalfMessageRequestHeader>("ResumeCheckHalfMessageRequestHeader", {
    topic: optional.string,
    msgId: optional.string,
  });
