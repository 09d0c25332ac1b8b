/** A recursive parser for JSON with fastjson's habits (`json.ts` lists them). Nesting is bounded, so the stack is. */
import { WireError } from "./errors.ts";
import { JsonMap, type JsonValue } from "./json_value.ts";

/** Longest integer read; BigInt takes quadratic time on longer ones, and nothing of RocketMQ's has more than 20. */
const INTEGER_DIGITS_MAX = 64;

const NUMBER = /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const INTEGER = /^[+-]?\d+$/;
const NAME = /[A-Za-z_$][\w$]*/y;

const SPACE = 32;
const QUOTE = 34;
const APOSTROPHE = 39;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

export class JsonParser {
  readonly #text: string;
  readonly #depthMax: number;
  #at = 0;
  #depth = 0;

  constructor(text: string, depthMax: number) {
    this.#text = text;
    this.#depthMax = depthMax;
  }

  /** The one value of the text. @throws WireError */
  parse(): JsonValue {
    const value = this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("the end");
    return value;
  }

  #value(): JsonValue {
    this.#skipSpace();
    const char = this.#text.charCodeAt(this.#at);
    if (char === OPEN_OBJECT) return this.#object();
    if (char === OPEN_ARRAY) return this.#array();
    if (char === QUOTE || char === APOSTROPHE) return this.#string(char);
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#number(number);
    const word = this.#match(NAME);
    if (word === "true") return true;
    if (word === "false") return false;
    if (word === "null") return null;
    this.#at -= word?.length ?? 0;
    throw this.#unexpected("a value");
  }

  #object(): JsonValue {
    this.#enter();
    const entries: [JsonValue, JsonValue][] = [];
    let textKeys = true;
    while (!this.#taken(CLOSE_OBJECT)) {
      const key = this.#key();
      if (typeof key !== "string") textKeys = false;
      if (!this.#taken(COLON)) throw this.#unexpected('":"');
      entries.push([key, this.#value()]);
      if (!this.#taken(COMMA) && !this.#is(CLOSE_OBJECT)) throw this.#unexpected('"," or "}"');
    }
    this.#depth--;
    if (!textKeys) return new JsonMap(entries);
    // Without a prototype, so that a key `__proto__` is a key like any other.
    const object = Object.create(null) as Record<string, JsonValue>;
    for (const [key, value] of entries) object[key as string] = value;
    return object;
  }

  /** Text and bare names and numbers as text; an object as it is. */
  #key(): JsonValue {
    this.#skipSpace();
    const char = this.#text.charCodeAt(this.#at);
    if (char === QUOTE || char === APOSTROPHE) return this.#string(char);
    if (char === OPEN_OBJECT) return this.#object();
    const bare = this.#match(NUMBER) ?? this.#match(NAME);
    if (bare === undefined) throw this.#unexpected("a key");
    return bare;
  }

  #array(): JsonValue {
    this.#enter();
    const items: JsonValue[] = [];
    while (!this.#taken(CLOSE_ARRAY)) {
      items.push(this.#value());
      if (!this.#taken(COMMA) && !this.#is(CLOSE_ARRAY)) throw this.#unexpected('"," or "]"');
    }
    this.#depth--;
    return items;
  }

  #string(quote: number): string {
    const text = this.#text;
    let from = ++this.#at;
    let read = "";
    for (; this.#at < text.length; this.#at++) {
      const char = text.charCodeAt(this.#at);
      if (char === quote) return read + text.slice(from, this.#at++);
      if (char === BACKSLASH) {
        read += text.slice(from, this.#at) + this.#escape();
        from = this.#at + 1;
      }
    }
    throw this.#unexpected("the end of a string");
  }

  /** From the backslash to the last character of the escape. */
  #escape(): string {
    const letter = this.#text[++this.#at] ?? "";
    if (letter !== "u") {
      const plain = ESCAPES[letter];
      if (plain === undefined) throw this.#unexpected("an escape");
      return plain;
    }
    const hex = this.#text.slice(this.#at + 1, this.#at + 5);
    if (!/^[0-9a-f]{4}$/i.test(hex)) throw this.#unexpected("four hex digits");
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #number(text: string): number | bigint {
    // fastjson's mark of a long.
    if (this.#text[this.#at] === "L") this.#at++;
    const value = Number(text);
    if (!INTEGER.test(text) || Number.isSafeInteger(value)) {
      if (Number.isFinite(value)) return value === 0 ? 0 : value;
    } else if (text.length <= INTEGER_DIGITS_MAX) {
      return BigInt(text.startsWith("+") ? text.slice(1) : text);
    }
    this.#at -= text.length;
    throw this.#unexpected("a number that a double or an integer of 64 digits can hold");
  }

  #enter(): void {
    if (++this.#depth > this.#depthMax) {
      throw new WireError(`JSON at character ${this.#at}: nested deeper than ${this.#depthMax}`);
    }
    this.#at++;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #is(char: number): boolean {
    this.#skipSpace();
    return this.#text.charCodeAt(this.#at) === char;
  }

  #taken(char: number): boolean {
    if (!this.#is(char)) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    // Everything JSON calls space is at or below U+0020; so are the control characters that fastjson also passes over.
    while (this.#at < this.#text.length && this.#text.charCodeAt(this.#at) <= SPACE) this.#at++;
  }

  #unexpected(expected: string): WireError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 20)) : "the end";
    return new WireError(`JSON at character ${this.#at}: expected ${expected}, found ${found}`);
  }
}
