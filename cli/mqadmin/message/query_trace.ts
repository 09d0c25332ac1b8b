/** queryMsgTraceById: who sent a message and who consumed it, as clients with tracing have put it into the trace topic. */
import type { MessageExt } from "../../../core/client/mod.ts";
import { command, optional, required } from "../declaration.ts";
import { dateTime, format } from "../format.ts";
import { integerOr, long } from "../values.ts";

const TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";
const ROW = "%-10s %-20s %-20s %-20s %-10s %-10s";

export const queryMsgTraceById = command({
  name: "queryMsgTraceById",
  alias: "QueryMsgTraceById",
  package: "message",
  description: "Query a message trace.",
  options: {
    msgId: required("i", "Message Id"),
    traceTopic: optional("t", "The name value of message trace topic"),
    beginTimestamp: optional("b", "Begin timestamp(ms). default:0, eg:1676730526212"),
    endTimestamp: optional("e", "End timestamp(ms). default:Long.MAX_VALUE, eg:1676730526212"),
    maxNum: optional("c", "The maximum number of messages returned by the query, default:64"),
  },
  example: "-n 127.0.0.1:9876 -i 7F000001000078BF4AA9612D52B70000",
  async run(context, { msgId, traceTopic = TRACE_TOPIC, beginTimestamp, endTimestamp, maxNum }) {
    const { messageList } = await context.admin.messages.queryMessage({
      topic: traceTopic,
      key: msgId,
      maxNum: integerOr(maxNum, "maxNum", 64, 1),
      begin: long(beginTimestamp, "beginTimestamp", 0),
      end: long(endTimestamp, "endTimestamp", Number.MAX_SAFE_INTEGER),
    });
    const views = messageList.flatMap(viewsOf).filter((view) => view.msgId === msgId);
    const row = (view: View, type: string) => {
      const { group, clientHost, time, costMs, success } = view;
      const status = success ? "success" : "failed";
      context.print(format(ROW, type, group, clientHost, dateTime(time), `${costMs}ms`, status));
    };
    for (const view of views.filter(({ type }) => type === "Pub")) {
      context.print(format(ROW, "#Type", "#ProducerGroup", "#ClientHost", "#SendTime", "#CostTimes", "#Status"));
      row(view, "Pub");
      context.print("");
    }
    const consumed = views.filter(({ type }) => type === "SubAfter");
    for (const group of new Set(consumed.map((view) => view.group))) {
      context.print(format(ROW, "#Type", "#ConsumerGroup", "#ClientHost", "#ConsumerTime", "#CostTimes", "#Status"));
      for (const view of consumed) if (view.group === group) row(view, "Sub");
      context.print("");
    }
    return views;
  },
});

interface View {
  readonly type: "Pub" | "SubAfter";
  readonly msgId: string;
  readonly group: string;
  readonly clientHost: string;
  /** ms since 1970. */
  readonly time: number;
  readonly costMs: number;
  readonly success: boolean;
}

/**
 * Records end with 0x02, fields with 0x01:
 * ```
 * Pub      time region group topic msgId tags keys storeHost bodyLength cost msgType [offsetMsgId] success [clientHost]
 * SubAfter requestId msgId cost success keys contextCode [time group]
 * ```
 */
function viewsOf(message: MessageExt): View[] {
  const clientHost = message.bornHost.slice(0, message.bornHost.lastIndexOf(":"));
  const views: View[] = [];
  for (const record of message.text().split("\u0002")) {
    const fields = record.split("\u0001");
    const field = (index: number): string => fields[index] ?? "";
    if (field(0) === "Pub" && fields.length >= 12) {
      // Clients before 4.3 say nothing of success.
      const success = fields.length < 13 || field(fields.length === 13 ? 12 : 13) === "true";
      const costMs = Number(field(10));
      views.push({ type: "Pub", msgId: field(5), group: field(3), clientHost, time: Number(field(1)), costMs, success });
    } else if (field(0) === "SubAfter" && fields.length >= 6) {
      const [time, group] = fields.length >= 9 ? [Number(field(7)), field(8)] : [0, "null"];
      const success = field(4) === "true";
      views.push({ type: "SubAfter", msgId: field(2), group, clientHost, time, costMs: Number(field(3)), success });
    }
  }
  return views;
}
