/** One request or response, as values. `serialize.ts` turns it into bytes and back. */
export interface RemotingCommand {
  /** Request code (`requests.ts`) or response code (`response_code.ts`). */
  code: number;
  /** Index into `LANGUAGES`. */
  language: number;
  /** Version ordinal of the sender, 513 = 5.5.0 (`version.ts`). */
  version: number;
  /** Request id; per connection and direction. A response repeats the request's. int32. */
  opaque: number;
  /** Bits: `FLAG_RESPONSE`, `FLAG_ONEWAY`. */
  flag: number;
  remark: string | undefined;
  /** Custom header fields, every value as text. */
  extFields: ExtFields | undefined;
  /** The custom header as its table says, where `request_reader.ts` read it; `extFields` is undefined then. */
  readonly header?: object;
  /** Empty when there is none. In a decoded command a view into the frame: valid only until its handler returns. */
  body: Uint8Array;
  serializeType: SerializeType;
}

export type ExtFields = Record<string, string | undefined>;

export const FLAG_RESPONSE = 1;
export const FLAG_ONEWAY = 2;

/** First byte of the header mark. */
export type SerializeType = 0 | 1;
export const SERIALIZE_JSON = 0;
export const SERIALIZE_ROCKETMQ = 1;
export const SERIALIZE_NAMES = ["JSON", "ROCKETMQ"] as const;

export const NO_BODY: Uint8Array = new Uint8Array(0);

export const isResponse = (command: RemotingCommand): boolean => (command.flag & FLAG_RESPONSE) !== 0;
export const isOneway = (command: Pick<RemotingCommand, "flag">): boolean => (command.flag & FLAG_ONEWAY) !== 0;

/** `language` codes of the binary header; JSON headers carry the name. */
export const LANGUAGES = [
  "JAVA",
  "CPP",
  "DOTNET",
  "PYTHON",
  "DELPHI",
  "ERLANG",
  "RUBY",
  "OTHER",
  "HTTP",
  "GO",
  "PHP",
  "OMS",
  "RUST",
  "NODE_JS",
] as const;
export type Language = (typeof LANGUAGES)[number];
export const LANGUAGE_CPP = 1;
export const LANGUAGE_OTHER = 7;
export const LANGUAGE_NODE_JS = 13;
