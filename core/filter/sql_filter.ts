/**
 * SQL92 filters of messages: what a consumer writes as `MessageSelector.bySql("amount > 100 AND region IN ('eu','us')")`.
 *
 * This folder owns the language (words, grammar, meaning) and the Bloom filter that may stand before it. It knows neither
 * subscriptions nor stores: an expression is compiled once, and asked with the bytes of a record's properties. Its oracle is
 * Apache's own parser and evaluator: `test/filter/golden` holds what 5.5.0 said of thousands of expressions.
 */
import { PropertyPicker, PropertyValues } from "./property_picker.ts";
import { type Condition, compileExpression, TRUE, type Truth } from "./sql_compile.ts";
import { parseSql } from "./sql_expression.ts";

export { EXPRESSION_CHARS_MAX, SqlExpressionError } from "./sql_tokens.ts";

export class SqlFilter {
  readonly expression: string;
  /** The properties it asks for. */
  readonly names: readonly string[];
  readonly #condition: Condition;
  readonly #conjuncts: readonly Condition[];
  readonly #picker: PropertyPicker;

  /** @throws SqlExpressionError that says where and why. */
  constructor(expression: string) {
    this.expression = expression;
    const { names, condition, conjuncts } = compileExpression(parseSql(expression));
    this.names = names;
    this.#condition = condition;
    this.#conjuncts = conjuncts;
    this.#picker = new PropertyPicker(names);
  }

  /** Whether a message with the properties in `bytes[at, end)` is delivered: only when the expression is TRUE of it. */
  matches(bytes: Uint8Array, at: number, end: number): boolean {
    const values = this.#picker.pick(bytes, at, end);
    for (const conjunct of this.#conjuncts) if (conjunct(values) !== TRUE) return false;
    return true;
  }

  /** The same, by name, with all four outcomes. */
  evaluate(propertyOf: (name: string) => string | undefined): Truth {
    return this.#condition(PropertyValues.of(this.names.map(propertyOf)));
  }
}
