/** One message line by line, with who has consumed it; its body goes into a file. */
import type { MessageExt } from "../../../core/client/mod.ts";
import type { CommandContext } from "../context.ts";
import { writeBytes } from "../files.ts";
import { dateTime, format } from "../format.ts";
import { propertiesText, type Shown } from "./java_text.ts";

/** Apache's, on every system. */
const BODY_DIRECTORY = "/tmp/rocketmq/msgbodys";

export interface DetailOptions {
  /** With the line `OffsetID:`. */
  readonly withOffsetId: boolean;
  /** Also as text. */
  readonly decode?: ((body: Uint8Array) => string) | undefined;
  /** Of several with one id: `_1` … behind the file's name. */
  readonly index?: number;
}

export async function printDetails(context: CommandContext, shown: Shown, options: DetailOptions): Promise<object> {
  const { message, properties } = shown;
  const bodyPath = writeBody(context, message, options.index ?? 0);
  const line = (title: string, value: string | number) => context.print(format("%-20s %s", title, value));
  if (options.withOffsetId) line("OffsetID:", message.offsetMsgId);
  line("Topic:", message.topic);
  line("Tags:", `[${message.tags ?? null}]`);
  line("Keys:", `[${message.keys ?? null}]`);
  line("Queue ID:", message.queueId);
  line("Queue Offset:", message.queueOffset);
  line("CommitLog Offset:", message.commitLogOffset);
  line("Reconsume Times:", message.reconsumeTimes);
  line("Born Timestamp:", dateTime(message.bornTimestamp, ","));
  line("Store Timestamp:", dateTime(message.storeTimestamp, ","));
  line("Born Host:", message.bornHost);
  line("Store Host:", message.storeHost);
  line("System Flag:", message.sysFlag);
  line("Properties:", propertiesText(properties));
  line("Message Body Path:", bodyPath);
  if (options.decode !== undefined) line("Message Body:", options.decode(message.body));
  const tracks = await context.admin.messageTrackDetail(message);
  context.print("");
  context.print("");
  if (tracks.length === 0) context.print("WARN: No Consumer");
  for (const { consumerGroup, trackType, exceptionDesc } of tracks) {
    const description = exceptionDesc ?? null;
    context.print(`MessageTrack [consumerGroup=${consumerGroup}, trackType=${trackType}, exceptionDesc=${description}]`);
  }
  return { ...messageValue(shown), bodyPath, tracks };
}

/** For `--json`: fields under their names, the body as text. */
export const messageValue = ({ message, properties }: Shown): object => {
  const { body, bodyFault, ...fields } = message;
  return {
    ...fields,
    tags: message.tags,
    keys: message.keys,
    properties,
    body: message.text(),
    bodyBytes: body.length,
    bodyFault,
  };
};

/** A producer chooses the id, so a name that could lead out of the directory is not taken. */
function writeBody(context: CommandContext, { msgId, offsetMsgId, body }: MessageExt, index: number): string {
  const name = /^[0-9A-Za-z_-]{1,200}$/.test(msgId) ? msgId : offsetMsgId;
  const path = `${BODY_DIRECTORY}/${name}${index === 0 ? "" : `_${index}`}`;
  writeBytes(context, path, body, `The message's body goes there: let this user write in ${BODY_DIRECTORY}`);
  return path;
}
