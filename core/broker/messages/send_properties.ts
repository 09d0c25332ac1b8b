/**
 * One walk over the property text of a message that is being sent: what the broker must know of it, and the text that is
 * stored. In the usual case nothing is parsed into a map and the stored text is the client's with a constant appended.
 */
import { encodeUtf8 } from "../../../wire/bytes.ts";
import { MessageConst } from "../../../wire/message_const.ts";
import { formatProperties, parseProperties } from "../../../wire/properties.ts";
import { NO_BODY } from "../../../wire/remoting_command.ts";

const NAME_END = "\u0001";
const PAIR_END = "\u0002";
const TAGS = "T".charCodeAt(0);
const KEYS = "K".charCodeAt(0);
const WAIT = "W".charCodeAt(0);

/**
 * The values found by the last `scan`. One object serves all messages of a processor: read it before the next `scan`.
 * Names of which nothing was found are undefined; of a name that occurs twice the last counts.
 */
export class PropertyScan {
  #text = "";
  tags: string | undefined;
  keys: string | undefined;
  /** Text of the delay level. */
  delay: string | undefined;
  /** WAIT: absent means yes, otherwise only "true" does. */
  waits = true;
  transaction: string | undefined;
  priority: string | undefined;
  innerNum: string | undefined;
  liteTopic: string | undefined;
  multiDispatch: string | undefined;
  shardingKey: string | undefined;
  timerOutMs: string | undefined;
  /** It has a __STARTDELIVERTIME, which is for clients of old only. */
  startDeliverTime = false;
  /** Any of TIMER_DELAY_SEC, TIMER_DELAY_MS and TIMER_DELIVER_MS. */
  timer = false;
  timerDelaySec: string | undefined;
  timerDelayMs: string | undefined;
  timerDeliverMs: string | undefined;
  /** Key of the message that this one cancels. */
  timerDelete: string | undefined;
  /**
   * Where the value of UNIQ_KEY is in the text that was scanned: nearly every message has one, and few need it by itself. Without
   * one `uniqKeyTo` is 0, and `uniqKeyFrom` means nothing.
   */
  uniqKeyFrom = 0;
  uniqKeyTo = 0;
  /** The text has pairs that are not stored, or a form that readers pass over: it must be written anew. */
  untidy = false;

  get uniqKey(): string | undefined {
    return this.uniqKeyTo === 0 ? undefined : this.#text.slice(this.uniqKeyFrom, this.uniqKeyTo);
  }

  scan(text: string): void {
    this.#clear();
    this.#text = text;
    for (let from = 0; from < text.length; ) {
      const found = text.indexOf(PAIR_END, from);
      const end = found < 0 ? text.length : found;
      const nameEnd = text.indexOf(NAME_END, from);
      if (nameEnd > from && nameEnd < end - 1) this.#take(text, from, nameEnd, end);
      else this.untidy = true;
      from = end + 1;
    }
  }

  /** The length of the name comes first: most pairs are passed over after one comparison of numbers. */
  #take(text: string, from: number, nameEnd: number, end: number): void {
    const at = nameEnd + 1;
    switch (nameEnd - from) {
      case 4:
        this.#takeShort(text, from, at, end);
        break;
      case 5:
        if (text.startsWith("DELAY", from)) this.delay = text.slice(at, end);
        break;
      case 6:
        if (text.startsWith("POP_CK", from)) this.untidy = true;
        break;
      case 7:
        if (text.startsWith("CLUSTER", from)) this.untidy = true;
        break;
      case 8:
        if (text.startsWith("UNIQ_KEY", from)) {
          this.uniqKeyFrom = at;
          this.uniqKeyTo = end;
        } else if (text.startsWith("TRAN_MSG", from)) this.transaction = text.slice(at, end);
        else if (text.startsWith("TRACE_ON", from)) this.untidy = true;
        break;
      case 9:
        if (text.startsWith("INNER_NUM", from)) this.innerNum = text.slice(at, end);
        break;
      case 10:
        if (text.startsWith("MSG_REGION", from)) this.untidy = true;
        break;
      case 12:
        if (text.startsWith("TIMER_OUT_MS", from)) this.timerOutMs = text.slice(at, end);
        else if (text.startsWith("__LITE_TOPIC", from)) this.liteTopic = text.slice(at, end);
        break;
      case 13:
        if (text.startsWith("__SHARDINGKEY", from)) this.shardingKey = text.slice(at, end);
        break;
      case 14:
        if (text.startsWith("TIMER_DELAY_MS", from)) {
          this.timer = true;
          this.timerDelayMs = text.slice(at, end);
        }
        break;
      case 15:
        if (text.startsWith("TIMER_DELAY_SEC", from)) {
          this.timer = true;
          this.timerDelaySec = text.slice(at, end);
        }
        break;
      case 16:
        if (text.startsWith("TIMER_DELIVER_MS", from)) {
          this.timer = true;
          this.timerDeliverMs = text.slice(at, end);
        }
        break;
      case 17:
        if (text.startsWith("TIMER_DEL_UNIQKEY", from)) this.timerDelete = text.slice(at, end);
        break;
      case 18:
        if (text.startsWith("_SYS_MSG_PRIORITY_", from)) this.priority = text.slice(at, end);
        else if (text.startsWith("__STARTDELIVERTIME", from)) this.startDeliverTime = true;
        break;
      case 20:
        if (text.startsWith("INNER_MULTI_DISPATCH", from)) this.multiDispatch = text.slice(at, end);
        break;
      default:
    }
  }

  /** Nearly every message has one of these: the first letter tells which name to compare. */
  #takeShort(text: string, from: number, at: number, end: number): void {
    switch (text.charCodeAt(from)) {
      case TAGS:
        if (text.startsWith("TAGS", from)) this.tags = text.slice(at, end);
        break;
      case KEYS:
        if (text.startsWith("KEYS", from)) this.keys = text.slice(at, end);
        break;
      case WAIT:
        if (text.startsWith("WAIT", from)) this.waits = isTrue(text, at, end);
        break;
    }
  }

  #clear(): void {
    this.tags = undefined;
    this.keys = undefined;
    this.uniqKeyTo = 0;
    this.delay = undefined;
    this.waits = true;
    this.transaction = undefined;
    this.priority = undefined;
    this.innerNum = undefined;
    this.liteTopic = undefined;
    this.multiDispatch = undefined;
    this.shardingKey = undefined;
    this.timerOutMs = undefined;
    this.startDeliverTime = false;
    if (this.timer) {
      this.timer = false;
      this.timerDelaySec = undefined;
      this.timerDelayMs = undefined;
      this.timerDeliverMs = undefined;
    }
    this.timerDelete = undefined;
    this.untidy = false;
  }
}

/**
 * What of a client's properties is stored: all but what is the broker's to say.
 * @param scan of `text`.
 * @param uniqKey set when the client sent none.
 */
export function clientProperties(text: string, scan: PropertyScan, uniqKey: string | undefined): string {
  let own = scan.untidy ? tidied(text) : text;
  if (own !== "" && !own.endsWith(PAIR_END)) own += PAIR_END;
  if (uniqKey !== undefined) own += MessageConst.UNIQ_KEY + NAME_END + uniqKey + PAIR_END;
  return own;
}

/** What is the broker's to say, and the same for all messages: stored behind the client's properties. */
export class CommonProperties {
  #region = "";
  #traceOn = false;
  #cluster = "";
  #made = { text: "", bytes: NO_BODY };

  /** As text, and the same in UTF-8. */
  of(settings: { readonly regionId: string; readonly traceOn: boolean; readonly brokerClusterName: string }): {
    readonly text: string;
    readonly bytes: Uint8Array;
  } {
    const { regionId, traceOn, brokerClusterName } = settings;
    if (regionId === this.#region && traceOn === this.#traceOn && brokerClusterName === this.#cluster && this.#made.text !== "") {
      return this.#made;
    }
    this.#region = regionId;
    this.#traceOn = traceOn;
    this.#cluster = brokerClusterName;
    const text = formatProperties([
      [MessageConst.MSG_REGION, regionId],
      [MessageConst.TRACE_ON, String(traceOn)],
      [MessageConst.CLUSTER, brokerClusterName],
    ]);
    this.#made = { text, bytes: encodeUtf8(text) };
    return this.#made;
  }
}

function tidied(text: string): string {
  const properties = parseProperties(text);
  for (const name of [MessageConst.POP_CK, MessageConst.MSG_REGION, MessageConst.TRACE_ON, MessageConst.CLUSTER]) {
    properties.delete(name);
  }
  return formatProperties(properties);
}

/** "true" in any case, without a text of its own. */
function isTrue(text: string, from: number, to: number): boolean {
  if (to - from !== 4) return false;
  return text.startsWith("true", from) || text.slice(from, to).toLowerCase() === "true";
}
