/**
 * Words of a SQL92 filter expression: keywords (in any case), names, numbers, strings in single quotes with `''` for one of
 * them, operators; blanks and comments (`-- to the end of the line`, with a blank where no line follows, `/* … *\/`) between them are passed over.
 */

/** Longest expression that is looked at, in UTF-16 units: it comes from a client with every heartbeat. */
export const EXPRESSION_CHARS_MAX = 65_536;

/** An expression that can't be understood. The message says where, near what, and what was expected. */
export class SqlExpressionError extends Error {
  override readonly name = "SqlExpressionError";
}

export type TokenKind = "keyword" | "name" | "integer" | "float" | "string" | "operator" | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Keywords in capitals, strings without quotes and with `''` undone, integers without their L. */
  readonly text: string;
  /** UTF-16 units from the start of the expression. */
  readonly at: number;
}

const KEYWORDS: ReadonlySet<string> = new Set([
  "NOT",
  "AND",
  "OR",
  "BETWEEN",
  "IN",
  "TRUE",
  "FALSE",
  "NULL",
  "IS",
  "CONTAINS",
  "STARTSWITH",
  "ENDSWITH",
]);

const SKIPPED = /(?:[ \t\n\r\f]|--[^\n\r]*[\n\r]|--[ \t][^\n\r]*$|\/\*[\s\S]*?\*\/)*/y;
const NAME = /[a-z_$][a-z0-9_$]*/iy;
const FLOAT = /(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|[0-9]+e[+-]?[0-9]+/iy;
const INTEGER = /(?:0|[1-9][0-9]*)(?=l?)/iy;
const STRING = /'(?:''|[^'])*'/y;
const OPERATOR = /<>|<=|>=|[=<>(),+-]/y;
const DIGIT = /[0-9.]/;

/** All words of `expression`, the last of kind "end". @throws SqlExpressionError */
export function tokenize(expression: string): Token[] {
  if (expression.length > EXPRESSION_CHARS_MAX) {
    throw new SqlExpressionError(`the expression has ${expression.length} characters, ${EXPRESSION_CHARS_MAX} are allowed`);
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(expression)?.[0];
  };
  for (;;) {
    at += match(SKIPPED)?.length ?? 0;
    if (at >= expression.length) {
      tokens.push({ kind: "end", text: "", at });
      return tokens;
    }
    const word = match(NAME);
    const number = word === undefined ? (match(FLOAT) ?? match(INTEGER)) : undefined;
    const found = word ?? number ?? match(STRING) ?? match(OPERATOR);
    if (found === undefined) throw unreadable(expression, at);
    const capitals = found.toUpperCase();
    if (word !== undefined) {
      tokens.push(KEYWORDS.has(capitals) ? { kind: "keyword", text: capitals, at } : { kind: "name", text: word, at });
    } else if (number !== undefined) {
      const kind = /[.e]/i.test(number) ? "float" : "integer";
      tokens.push({ kind, text: number, at });
      if (kind === "integer" && /l/i.test(expression.charAt(at + number.length))) at += 1;
      if (DIGIT.test(expression.charAt(at + number.length))) throw unreadable(expression, at);
    } else if (found.startsWith("'")) {
      tokens.push({ kind: "string", text: found.slice(1, -1).replaceAll("''", "'"), at });
    } else {
      tokens.push({ kind: "operator", text: found, at });
    }
    at += found.length;
  }
}

/** The error for what stands at `at`. */
export function problem(expression: string, at: number, what: string): SqlExpressionError {
  const near = at >= expression.length ? "at its end" : `at character ${at + 1}, near "${expression.slice(at, at + 20)}"`;
  return new SqlExpressionError(`the SQL92 expression can't be understood ${near}: ${what}`);
}

function unreadable(expression: string, at: number): SqlExpressionError {
  const char = expression.charAt(at);
  if (char === "'") return problem(expression, at, "the string is not ended by a single quote");
  if (char === '"') return problem(expression, at, "strings stand in single quotes");
  if (char === "/" && expression.charAt(at + 1) === "*") return problem(expression, at, "the comment is not ended by */");
  if (char === "!") return problem(expression, at, "unequal is written <>");
  if (char >= "0" && char <= "9")
    return problem(expression, at, "that is no number: digits without leading zeros, 5.5, 5E10 or 5L");
  return problem(expression, at, `${JSON.stringify(char)} means nothing here`);
}
