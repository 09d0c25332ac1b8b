/**
 * The grammar of SQL92 filters, as Apache RocketMQ 5.5.0 has it, from loose to tight:
 *
 * ```
 * or         = and { OR and }
 * and        = equality { AND equality }
 * equality   = comparison { ("=" | "<>") comparison | IS [NOT] NULL }
 * comparison = unary { (">" | ">=" | "<" | "<=") unary | [NOT] (CONTAINS | STARTSWITH | ENDSWITH) string
 *                    | [NOT] BETWEEN unary AND unary | [NOT] IN "(" string { "," string } ")" }
 * unary      = "+" unary | "-" unary | NOT unary | primary
 * primary    = string | integer | float | TRUE | FALSE | NULL | name | "(" or ")"
 * ```
 *
 * No LIKE and no arithmetic. NOT binds tighter than a comparison: `NOT a = 5` compares `NOT a` with 5. What can't be compared
 * is refused here, once, not at each message. Where we differ: Apache stops reading where a sentence is complete, so that
 * `a > 1 LIKE 'x'` filters by `a > 1`; here what follows is an error. And 0.0, which Apache refuses, is a number.
 */
import { parseInt64 } from "./java_numbers.ts";
import { problem, type SqlExpressionError, type Token, type TokenKind, tokenize } from "./sql_tokens.ts";

export type Constant =
  | { readonly kind: "constant"; readonly type: "string"; readonly value: string }
  | { readonly kind: "constant"; readonly type: "int" | "double"; readonly value: number }
  | { readonly kind: "constant"; readonly type: "long"; readonly value: bigint }
  | { readonly kind: "constant"; readonly type: "boolean"; readonly value: boolean }
  | { readonly kind: "constant"; readonly type: "null" };

export type OrderOperator = ">" | ">=" | "<" | "<=";
export type TextTest = "CONTAINS" | "STARTSWITH" | "ENDSWITH";

export type Expression =
  | Constant
  | { readonly kind: "property"; readonly name: string }
  | { readonly kind: "negate"; readonly of: Expression }
  /** A property where a truth value is asked for: false, since properties are texts; unknown when absent. */
  | { readonly kind: "cast"; readonly of: Expression }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or" | "equal"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "order"; readonly operator: OrderOperator; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "text";
      readonly test: TextTest;
      readonly negated: boolean;
      readonly of: Expression;
      readonly search: string;
    }
  | { readonly kind: "in"; readonly negated: boolean; readonly of: Expression; readonly elements: readonly string[] };

/** Deepest nesting of parentheses and signs: each costs stack, here and at every message. */
export const DEPTH_MAX = 256;
/** Most comparisons and connectives: each costs time at every message. */
export const TERMS_MAX = 4_096;

/** @throws SqlExpressionError */
export const parseSql = (expression: string): Expression => new Parser(expression).parse();

/** Whether an expression has a truth value, TRUE, FALSE and NULL among them. */
export function isBoolean(expression: Expression): boolean {
  switch (expression.kind) {
    case "constant":
      return expression.type === "boolean" || expression.type === "null";
    case "property":
    case "negate":
      return false;
    default:
      return true;
  }
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #terms = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  parse(): Expression {
    const whole = this.#condition(this.#or());
    if (this.#token.kind !== "end") {
      const like =
        this.#token.text.toUpperCase() === "LIKE" ? "LIKE is not part of it (CONTAINS, STARTSWITH and ENDSWITH are)" : undefined;
      throw this.#problem(like ?? "the expression is complete before it; AND or OR may follow");
    }
    return whole;
  }

  // ------------------------------------------------------------------------------------------------------- the rules

  #or(): Expression {
    let left = this.#and();
    while (this.#take("keyword", "OR"))
      left = this.#term({ kind: "or", left: this.#condition(left), right: this.#condition(this.#and()) });
    return left;
  }

  #and(): Expression {
    let left = this.#equality();
    while (this.#take("keyword", "AND")) {
      left = this.#term({ kind: "and", left: this.#condition(left), right: this.#condition(this.#equality()) });
    }
    return left;
  }

  #equality(): Expression {
    let left = this.#comparison();
    for (;;) {
      if (this.#take("operator", "=")) left = this.#equal(left, this.#comparison());
      else if (this.#take("operator", "<>")) left = { kind: "not", of: this.#equal(left, this.#comparison()) };
      else if (this.#take("keyword", "IS")) {
        const negated = this.#take("keyword", "NOT");
        this.#expect("keyword", "NULL");
        const isNull = this.#term({ kind: "equal", left, right: NULL });
        left = negated ? { kind: "not", of: isNull } : isNull;
      } else return left;
    }
  }

  #comparison(): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#token.kind === "operator" ? ORDER_OPERATORS.find((known) => known === this.#token.text) : undefined;
      if (operator !== undefined) {
        this.#next++;
        left = this.#order(operator, left, this.#unary());
        continue;
      }
      const mark = this.#next;
      const negated = this.#take("keyword", "NOT");
      const predicate = this.#predicate(left, negated);
      if (predicate === undefined) {
        this.#next = mark;
        return left;
      }
      left = predicate;
    }
  }

  #predicate(left: Expression, negated: boolean): Expression | undefined {
    if (this.#take("keyword", "BETWEEN")) return this.#between(left, negated);
    if (this.#take("keyword", "IN")) return this.#in(left, negated);
    const test = TEXT_TESTS.find((known) => this.#take("keyword", known));
    return test && this.#term({ kind: "text", test, negated, of: left, search: this.#expect("string").text });
  }

  #between(value: Expression, negated: boolean): Expression {
    const low = this.#unary();
    this.#expect("keyword", "AND");
    const high = this.#unary();
    if (negated) return this.#term({ kind: "or", left: this.#order("<", value, low), right: this.#order(">", value, high) });
    const both = this.#term({ kind: "and", left: this.#order(">=", value, low), right: this.#order("<=", value, high) });
    if (low.kind === "constant" && high.kind === "constant" && "value" in low && "value" in high && low.value > high.value) {
      throw this.#problem(`BETWEEN ${low.value} AND ${high.value} holds nothing: the first must not be greater`);
    }
    return both;
  }

  #in(of: Expression, negated: boolean): Expression {
    if (of.kind !== "property") throw this.#problem("IN is asked of a property only");
    this.#expect("operator", "(");
    const elements = [this.#expect("string").text];
    while (this.#take("operator", ",")) elements.push(this.#expect("string").text);
    this.#expect("operator", ")");
    return this.#term({ kind: "in", negated, of, elements });
  }

  #unary(): Expression {
    if (++this.#depth > DEPTH_MAX) throw this.#problem(`more than ${DEPTH_MAX} levels of parentheses and signs`);
    const found = this.#signed();
    this.#depth--;
    return found;
  }

  #signed(): Expression {
    if (this.#take("operator", "+")) return this.#unary();
    if (this.#take("operator", "-")) return { kind: "negate", of: this.#unary() };
    if (this.#take("keyword", "NOT")) return { kind: "not", of: this.#condition(this.#unary()) };
    if (this.#take("operator", "(")) {
      const inner = this.#or();
      this.#expect("operator", ")");
      return inner;
    }
    return this.#primary();
  }

  #primary(): Expression {
    const { kind, text } = this.#token;
    const found =
      kind === "name"
        ? { kind: "property" as const, name: text }
        : kind === "string"
          ? { kind: "constant" as const, type: "string" as const, value: text }
          : kind === "integer"
            ? this.#integer(text)
            : kind === "float"
              ? this.#float(text)
              : kind === "keyword"
                ? CONSTANTS[text]
                : undefined;
    if (found === undefined) throw this.#problem("a property, a number, a string or ( is expected");
    this.#next++;
    return found;
  }

  #integer(text: string): Constant {
    const value = parseInt64(text);
    if (value === undefined) throw this.#problem("the number is beyond 64 bits");
    if (value <= 0x7fff_ffffn) return { kind: "constant", type: "int", value: Number(value) };
    return { kind: "constant", type: "long", value };
  }

  #float(text: string): Constant {
    const value = Number(text);
    if (!Number.isFinite(value)) throw this.#problem("the number is beyond 64 bits of floating point");
    return { kind: "constant", type: "double", value };
  }

  // ------------------------------------------------------------------------------------------------------- the checks

  /** Where a truth value is asked for. */
  #condition(expression: Expression): Expression {
    if (isBoolean(expression)) return expression;
    if (expression.kind === "property") return { kind: "cast", of: expression };
    throw this.#problem(`what stands before it is ${describe(expression)}, not a condition`);
  }

  #equal(left: Expression, right: Expression): Expression {
    for (const side of [left, right]) {
      if (side.kind === "constant" && side.type === "null")
        throw this.#problem("nothing equals NULL: write IS NULL or IS NOT NULL");
    }
    if (left.kind === "constant" && right.kind === "constant" && left.type === "boolean" && right.type !== "boolean") {
      throw this.#problem(`${describe(left)} and ${describe(right)} can't be compared`);
    }
    return this.#term({ kind: "equal", left, right });
  }

  #order(operator: OrderOperator, left: Expression, right: Expression): Expression {
    for (const side of [left, right]) {
      if (isBoolean(side) || (side.kind === "constant" && side.type === "string")) {
        throw this.#problem(`${describe(side)} can't be compared by ${operator}: only numbers are greater or less`);
      }
    }
    return this.#term({ kind: "order", operator, left, right });
  }

  #term(expression: Expression): Expression {
    if (++this.#terms > TERMS_MAX) throw this.#problem(`more than ${TERMS_MAX} conditions`);
    return expression;
  }

  // ------------------------------------------------------------------------------------------------------- the words

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(kind: TokenKind, text: string): boolean {
    if (this.#token.kind !== kind || this.#token.text !== text) return false;
    this.#next++;
    return true;
  }

  #expect(kind: TokenKind, text?: string): Token {
    const token = this.#token;
    if (token.kind !== kind || (text !== undefined && token.text !== text)) {
      throw this.#problem(`${text ?? `a ${kind}${kind === "string" ? " in single quotes" : ""}`} is expected`);
    }
    this.#next++;
    return token;
  }

  #problem(what: string): SqlExpressionError {
    return problem(this.#text, this.#token.at, what);
  }
}

const NULL: Constant = { kind: "constant", type: "null" };
const CONSTANTS: Readonly<Record<string, Constant>> = {
  TRUE: { kind: "constant", type: "boolean", value: true },
  FALSE: { kind: "constant", type: "boolean", value: false },
  NULL,
};
const ORDER_OPERATORS: readonly OrderOperator[] = [">", ">=", "<", "<="];
const TEXT_TESTS: readonly TextTest[] = ["CONTAINS", "STARTSWITH", "ENDSWITH"];

function describe(expression: Expression): string {
  if (expression.kind === "property") return `the property ${expression.name}`;
  if (expression.kind !== "constant") return isBoolean(expression) ? "a condition" : "a negative value";
  if (expression.type === "null") return "NULL";
  return expression.type === "string" ? `the string '${expression.value}'` : String(expression.value).toUpperCase();
}
