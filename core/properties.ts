/**
 * The file format of java.util.Properties, as its documentation defines it.
 *
 *   file     = *( natural line )
 *   logical  = natural lines joined where one ends in an odd number of `\`; blanks at the start of the next are dropped
 *   comment  = a natural line whose first character that is not blank is `#` or `!` (a comment is never continued)
 *   line     = [blank] key [blank] [ "=" | ":" ] [blank] value      the first `=`, `:` or blank that is not escaped ends the key
 *   escape   = \t \n \r \f \uXXXX, and `\c` for any other c is c itself
 *   blank    = space, tab, form feed
 *
 * Java reads the bytes as ISO 8859-1. Here bytes that are valid UTF-8 are read as UTF-8, which is the same for ASCII, and what
 * was meant for anything else; other bytes are read as Java does.
 */

/** Keys and values in the order of the file; a key given twice keeps its last value, as in Java. */
export type Properties = ReadonlyMap<string, string>;

/** A `\u` without four hexadecimal digits. */
export class PropertiesError extends Error {
  override readonly name = "PropertiesError";
}

const BLANK = /[ \t\f]/;

/** Throws PropertiesError (with the line's number) for a malformed `\u` escape, the only thing that can be wrong. */
export function parseProperties(source: string | Uint8Array): Map<string, string> {
  const properties = new Map<string, string>();
  for (const { line, number } of logicalLines(typeof source === "string" ? source : decode(source))) {
    const [key, value] = splitLine(line);
    properties.set(unescapeText(key, number), unescapeText(value, number));
  }
  return properties;
}

/** One `key=value` line an entry, escaped so that Java and `parseProperties` read the same back. ASCII only. */
export function formatProperties(properties: Iterable<readonly [string, string]>): string {
  let out = "";
  for (const [key, value] of properties) {
    out += `${escapeText(key, true)}=${escapeText(value, false)}\n`;
  }
  return out;
}

/**
 * `source` with the values of `changes`: the lines of those keys are rewritten (the last one, where a key stands twice; the
 * others of it go), new keys follow at the end, and everything else, comments too, stays as it is.
 */
export function editProperties(source: string | Uint8Array, changes: Properties): string {
  const text = typeof source === "string" ? source : decode(source);
  const lines = text === "" ? [] : text.replace(/(\r\n|\r|\n)$/, "").split(/\r\n|\r|\n/);
  const left = new Map(changes);
  const found = [...logicalLines(text)].reverse();
  for (const { line, number, lastNumber } of found) {
    const key = unescapeText(splitLine(line)[0], number);
    const value = left.get(key);
    if (value !== undefined) {
      lines.splice(number - 1, lastNumber - number + 1, formatProperties([[key, value]]).slice(0, -1));
      left.delete(key);
    } else if (changes.has(key)) {
      lines.splice(number - 1, lastNumber - number + 1);
    }
  }
  const kept = lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  return kept + formatProperties(left);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

function* logicalLines(source: string): Generator<{ line: string; number: number; lastNumber: number }> {
  const naturals = source.split(/\r\n|\r|\n/);
  for (let i = 0; i < naturals.length; i++) {
    const number = i + 1;
    let part = trimStart(naturals[i]!);
    if (part === "" || part[0] === "#" || part[0] === "!") {
      continue;
    }
    // Gathered and joined once: a value of a million continued lines must not cost their square.
    const parts: string[] = [];
    while (endsInOddBackslashes(part)) {
      parts.push(part.slice(0, -1));
      i++;
      part = i < naturals.length ? trimStart(naturals[i]!) : "";
    }
    parts.push(part);
    const line = parts.join("");
    yield { line, number, lastNumber: Math.min(i + 1, naturals.length) };
  }
}

function splitLine(line: string): [string, string] {
  let end = 0;
  while (end < line.length && !/[=: \t\f]/.test(line[end]!)) {
    end += line[end] === "\\" ? 2 : 1;
  }
  end = Math.min(end, line.length);
  let start = end;
  while (start < line.length && BLANK.test(line[start]!)) {
    start++;
  }
  if (line[start] === "=" || line[start] === ":") {
    start++;
    while (start < line.length && BLANK.test(line[start]!)) {
      start++;
    }
  }
  return [line.slice(0, end), line.slice(start)];
}

function trimStart(line: string): string {
  let start = 0;
  while (start < line.length && BLANK.test(line[start]!)) {
    start++;
  }
  return line.slice(start);
}

function endsInOddBackslashes(line: string): boolean {
  let count = 0;
  while (count < line.length && line[line.length - 1 - count] === "\\") {
    count++;
  }
  return count % 2 === 1;
}

const NAMED: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

function unescapeText(text: string, lineNumber: number): string {
  if (!text.includes("\\")) {
    return text;
  }
  let out = "";
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== "\\") {
      out += text[i];
      continue;
    }
    i++;
    const c = text[i] ?? "";
    if (c !== "u") {
      out += NAMED[c] ?? c;
      continue;
    }
    const digits = text.slice(i + 1, i + 5);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw new PropertiesError(`line ${lineNumber}: \\u wants four hexadecimal digits, found "${digits}"`);
    }
    out += String.fromCharCode(Number.parseInt(digits, 16));
    i += 4;
  }
  return out;
}

const ESCAPES: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f" };

function escapeText(text: string, isKey: boolean): string {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === " ") {
      out += isKey || i === 0 ? "\\ " : " ";
    } else if ("=:#!\\".includes(c)) {
      out += "\\" + c;
    } else if (c < " " || c > "~") {
      out += ESCAPES[c] ?? "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0");
    } else {
      out += c;
    }
  }
  return out;
}
