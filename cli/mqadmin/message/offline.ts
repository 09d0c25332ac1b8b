/** DecodeMessageId and dumpCompactionLog: what needs no broker. */
import { MessageExt } from "../../../core/client/mod.ts";
import { WireError } from "../../../wire/errors.ts";
import { decodeRecord } from "../../../wire/message_reader.ts";
import { CommandError, command, required, UsageError } from "../declaration.ts";
import { dateTime } from "../format.ts";
import { messageValue } from "./details.ts";
import { messageText } from "./java_text.ts";

/** ip(4 or 16) pid(2) instance(4) ms-since-the-month-began(4) counter(2) */
const BYTES_BEHIND_IP = 12;

export const decodeMessageId = command({
  name: "DecodeMessageId",
  package: "message",
  description: "decode unique message ID",
  options: { messageId: required("i", "unique message ID") },
  example: "-i 7F000001000078BF4AA9612D52B70000",
  run(context, { messageId }) {
    const bytes = Uint8Array.from(messageId.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    const ipBytes = bytes.length - BYTES_BEHIND_IP;
    if (!/^([0-9A-Fa-f]{32}|[0-9A-Fa-f]{56})$/.test(messageId)) {
      throw new UsageError(`--messageId ${messageId}: allowed are 32 or 56 hex digits`);
    }
    const view = new DataView(bytes.buffer);
    const ip =
      ipBytes === 4
        ? bytes.subarray(0, 4).join(".")
        : Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(":");
    const time = timeOf(view.getUint32(ipBytes + 6), context.now());
    const date = dateTime(time, ":").replace(" ", "#");
    context.print(`ip=${ip}date=${date}`);
    return Promise.resolve({ ip, time, date });
  },
});

/** The month is not in the id: this one, or the last when that lies in the future. */
function timeOf(sinceMonthMs: number, now: number): number {
  const today = new Date(now);
  const inThisMonth = new Date(today.getFullYear(), today.getMonth(), 1).getTime() + sinceMonthMs;
  if (inThisMonth < now) return inThisMonth;
  return new Date(today.getFullYear(), today.getMonth() - 1, 1).getTime() + sinceMonthMs;
}

export const dumpCompactionLog = command({
  name: "dumpCompactionLog",
  package: "message",
  description: "Parse compaction log to message.",
  options: { file: required("f", "to dump file name") },
  example: "-f store/compaction/compactionLog/TopicTest/0/00000000000000000000",
  run(context, { file }) {
    const { files, compression } = context.runtime;
    if (files.stat(file)?.kind === "directory") throw new CommandError(`file ${file} is a directory.`);
    const bytes = files.read(file);
    if (bytes === undefined) throw new CommandError(`file ${file} not exist.`);
    const found: object[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      const size = new DataView(bytes.buffer, bytes.byteOffset).getInt32(at);
      // Zeros follow the last message.
      if (size <= 0 || at + size > bytes.length) break;
      try {
        const message = new MessageExt(decodeRecord(bytes, at), "", compression, 0, true);
        const shown = { message, properties: message.properties, withBody: false };
        context.print(messageText(shown));
        found.push(messageValue(shown));
      } catch (fault) {
        if (!(fault instanceof WireError)) throw fault;
        throw new CommandError(`byte ${at} of ${file} begins no message: ${fault.message}`);
      }
      at += size;
    }
    return Promise.resolve(found);
  },
});
