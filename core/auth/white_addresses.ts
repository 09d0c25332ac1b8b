/**
 * Address texts of ACL 1.0's white lists: `*`, `10.10.*.*`, `192.168.0-5.*`, `192.168.0.{1,2}`, `1.2.3.4,1.2.3.5`, one IPv4 or
 * IPv6 address; blank matches nobody. Matched is the client's address without port.
 */
import { addressBytes } from "../option_checks.ts";

type Matcher = (address: Uint8Array) => boolean;

const EVERYBODY: ReadonlySet<string> = new Set(["*", "*.*.*.*", "*:*:*:*:*:*:*:*"]);
/** Most addresses of one `{…}` or `,` text. */
const LISTED_MAX = 10_000;

export class AddressSet {
  readonly #matchers: readonly Matcher[];

  /** @throws Error quoting the text that is no address */
  constructor(texts: readonly string[]) {
    this.#matchers = texts.map((text) => text.trim()).flatMap((text) => (text === "" ? [] : [matcherOf(text)]));
  }

  /** @param host IP literal */
  has(host: string): boolean {
    if (this.#matchers.length === 0) return false;
    const address = addressBytes(host);
    return address !== undefined && this.#matchers.some((matches) => matches(address));
  }
}

function matcherOf(text: string): Matcher {
  if (EVERYBODY.has(text)) return () => true;
  if (text.endsWith("}")) return oneOf(expanded(text), text);
  if (text.includes(","))
    return oneOf(
      text.split(",").map((item) => item.trim()),
      text,
    );
  if (text.includes("*") || text.includes("-")) return text.includes(":") ? rangeV6(text) : rangeV4(text);
  return oneOf([text], text);
}

/** `192.168.0.{1,2}`: the braces are the whole last part. */
function expanded(text: string): string[] {
  const brace = text.indexOf("{");
  const prefix = text.slice(0, Math.max(brace, 0));
  if (brace < 1 || !/[.:]$/.test(prefix)) throw new Error(wrong(text));
  return text
    .slice(brace + 1, -1)
    .split(",")
    .map((item) => prefix + item.trim());
}

function oneOf(items: readonly string[], text: string): Matcher {
  if (items.length > LISTED_MAX)
    throw new Error(`an address list of ${items.length} items is refused, at most ${LISTED_MAX} are read`);
  const keys = new Set(
    items.map((item) => {
      const bytes = addressBytes(item);
      if (bytes === undefined) throw new Error(wrong(text));
      return bytes.join();
    }),
  );
  return (address) => keys.has(address.join());
}

/** The first of parts 2, 3, 4 that is `*` or `a-b` decides; what is before it must be equal, what follows is passed over. */
function rangeV4(text: string): Matcher {
  const parts = text.split(".");
  const at = parts.findIndex((part, index) => index > 0 && /[*-]/.test(part));
  const before = parts.slice(0, at).map(Number);
  const [low, high] = limits(parts[at] ?? "", 10, 255, text);
  if (parts.length !== 4 || at < 1 || before.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) {
    throw new Error(wrong(text));
  }
  return (address) => address.length === 4 && before.every((part, i) => address[i] === part) && within(address[at], low, high);
}

/** `*` or `a-b` in hexadecimal as the last group, or `a-b` before a last `*`. */
function rangeV6(text: string): Matcher {
  const parts = text.split(":");
  const at = parts.findIndex((part) => /[*-]/.test(part));
  const isLast = at === parts.length - 1 || (at === parts.length - 2 && parts[at + 1] === "*" && parts[at] !== "*");
  if (!isLast) throw new Error(wrong(text));
  const [low, high] = limits(parts[at] ?? "", 16, 0xffff, text);
  // Zeros in the place of the range: an address that says where it begins, `::` and all.
  const bytes = addressBytes([...parts.slice(0, at), ...parts.slice(at).map(() => "0")].join(":"));
  if (bytes?.length !== 16) throw new Error(wrong(text));
  const from = 16 - 2 * (parts.length - at);
  return (address) =>
    address.length === 16 &&
    bytes.subarray(0, from).every((byte, i) => address[i] === byte) &&
    within(((address[from] as number) << 8) | (address[from + 1] as number), low, high);
}

const within = (value: number | undefined, low: number, high: number): boolean =>
  value !== undefined && value >= low && value <= high;

function limits(part: string, radix: 10 | 16, max: number, text: string): [number, number] {
  if (part === "*") return [0, max];
  const [low, high, ...rest] = part
    .split("-")
    .map((end) => (/^[0-9a-f]{1,4}$/i.test(end) ? Number.parseInt(end, radix) : Number.NaN));
  if (low === undefined || high === undefined || rest.length > 0 || !(low >= 0 && low <= high && high > 0 && high <= max)) {
    throw new Error(wrong(text));
  }
  return [low, high];
}

const wrong = (text: string): string => `"${text}" is no address, range or list of addresses`;
