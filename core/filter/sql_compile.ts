/**
 * From a parsed expression to one function of a message's properties.
 *
 * Properties are texts; the other side of a comparison decides what is read out of them, as Apache's broker does: against an
 * integer within 32 bits the text must be one too (`a > 5` with a = "7.5" is an error), against 5.0 a double, against TRUE a
 * boolean, and two properties are compared as doubles. Logic has three values, and an error beside them: it runs through to
 * the top, where the message is not delivered.
 */
import { compareDoubles, parseDouble, parseInt32, parseInt64 } from "./java_numbers.ts";
import { type Expression, isBoolean, type OrderOperator, type TextTest } from "./sql_expression.ts";

export const FALSE = 0;
export const TRUE = 1;
/** SQL's NULL. */
export const UNKNOWN = 2;
/** A text that should be a number and is none: nothing above can mend it. */
export const ERROR = 3;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN | typeof ERROR;

/** Values of the properties of `names`, in their order; undefined where the message has none. */
export type Values = readonly (string | undefined)[];
export type Condition = (values: Values) => Truth;

export interface Compiled {
  /** The properties that the expression asks for, each once. */
  readonly names: readonly string[];
  readonly condition: Condition;
}

export function compileExpression(expression: Expression): Compiled {
  const compiler = new Compiler();
  const condition = compiler.condition(expression);
  return { names: [...compiler.slots.keys()], condition };
}

/** A side of a comparison; its type is known before any message is seen. */
type Operand =
  | { readonly type: "text"; readonly read: (values: Values) => string | undefined }
  | { readonly type: "int" | "double"; readonly value: number }
  | { readonly type: "long"; readonly value: bigint }
  | { readonly type: "truth"; readonly condition: Condition };

const NOTHING: Operand = { type: "truth", condition: () => UNKNOWN };

class Compiler {
  readonly slots = new Map<string, number>();

  condition(expression: Expression): Condition {
    switch (expression.kind) {
      case "constant": {
        const truth = expression.type === "null" ? UNKNOWN : expression.type === "boolean" && expression.value ? TRUE : FALSE;
        return () => truth;
      }
      case "cast": {
        const { read } = this.#text(expression.of);
        return (values) => (read(values) === undefined ? UNKNOWN : FALSE);
      }
      case "not": {
        const inner = this.condition(expression.of);
        return (values) => {
          const truth = inner(values);
          return truth === TRUE ? FALSE : truth === FALSE ? TRUE : truth;
        };
      }
      case "and":
        return allOf(this.condition(expression.left), this.condition(expression.right));
      case "or":
        return anyOf(this.condition(expression.left), this.condition(expression.right));
      case "equal":
        return equal(this.#operand(expression.left), this.#operand(expression.right));
      case "order":
        return order(expression.operator, this.#operand(expression.left), this.#operand(expression.right));
      case "text":
        return textTest(this.#operand(expression.of), expression.test, expression.search, expression.negated);
      case "in": {
        const { read } = this.#text(expression.of);
        const elements = new Set(expression.elements);
        const { negated } = expression;
        return (values) => {
          const text = read(values);
          return text === undefined ? UNKNOWN : truthOf(elements.has(text) !== negated);
        };
      }
      default:
        throw new Error(`"${expression.kind}" has no truth value; the parser lets none through`);
    }
  }

  #operand(expression: Expression): Operand {
    if (expression.kind === "property") return this.#text(expression);
    if (expression.kind === "negate") return negated(this.#operand(expression.of));
    if (isBoolean(expression)) return { type: "truth", condition: this.condition(expression) };
    if (expression.kind !== "constant" || expression.type === "null" || expression.type === "boolean") {
      throw new Error(`"${expression.kind}" is no operand; the parser lets none through`);
    }
    if (expression.type === "string") {
      const { value } = expression;
      return { type: "text", read: () => value };
    }
    return expression;
  }

  #text(expression: Expression): Operand & { readonly type: "text" } {
    if (expression.kind !== "property") throw new Error(`"${expression.kind}" where a property must stand`);
    const slot = this.slots.get(expression.name) ?? this.slots.size;
    this.slots.set(expression.name, slot);
    return { type: "text", read: (values) => values[slot] };
  }
}

const truthOf = (value: boolean): Truth => (value ? TRUE : FALSE);

function allOf(left: Condition, right: Condition): Condition {
  return (values) => {
    const first = left(values);
    if (first === FALSE || first === ERROR) return first;
    const second = right(values);
    return second === FALSE || second === ERROR ? second : first === UNKNOWN ? UNKNOWN : second;
  };
}

function anyOf(left: Condition, right: Condition): Condition {
  return (values) => {
    const first = left(values);
    if (first === TRUE || first === ERROR) return first;
    const second = right(values);
    return second === TRUE || second === ERROR ? second : first === UNKNOWN ? UNKNOWN : second;
  };
}

/** Of a text the negative is NULL, of a condition too, once it is found to hold no error. */
function negated(operand: Operand): Operand {
  switch (operand.type) {
    case "int":
    case "double":
      return { type: operand.type, value: -operand.value };
    case "long":
      return { type: "long", value: -operand.value };
    case "text":
      return NOTHING;
    case "truth": {
      const { condition } = operand;
      return { type: "truth", condition: (values) => (condition(values) === ERROR ? ERROR : UNKNOWN) };
    }
  }
}

function textTest(of: Operand, test: TextTest, search: string, not: boolean): Condition {
  // An empty search matches nothing, negated or not.
  if (search === "") return () => FALSE;
  if (of.type === "truth") return errorOrFalse(of.condition);
  if (of.type !== "text") return () => FALSE;
  const { read } = of;
  const holds: (text: string) => boolean =
    test === "CONTAINS"
      ? (text) => text.includes(search)
      : test === "STARTSWITH"
        ? (text) => text.startsWith(search)
        : (text) => text.endsWith(search);
  return (values) => {
    const text = read(values);
    return text === undefined ? FALSE : truthOf(holds(text) !== not);
  };
}

const errorOrFalse =
  (condition: Condition): Condition =>
  (values) =>
    condition(values) === ERROR ? ERROR : FALSE;

// --------------------------------------------------------------------------------------------------------- comparisons

/** Negative, zero, positive; undefined when the text is not of the kind. */
type Comparison = (text: string) => number | undefined;

/** How a text compares with a constant, the text on the left. */
function comparisonWith(constant: Operand & { type: "int" | "double" | "long" }): Comparison {
  if (constant.type === "long") {
    const { value } = constant;
    return (text) => {
      const number = parseInt64(text);
      return number === undefined ? undefined : number < value ? -1 : number > value ? 1 : 0;
    };
  }
  const { value } = constant;
  if (constant.type === "double") {
    return (text) => {
      const number = parseDouble(text);
      return number === undefined ? undefined : compareDoubles(number, value);
    };
  }
  return (text) => {
    const number = parseInt32(text);
    return Number.isNaN(number) ? undefined : number - value;
  };
}

function compareConstants(left: Operand, right: Operand): number {
  if (left.type === "text" || left.type === "truth" || right.type === "text" || right.type === "truth") {
    throw new Error(`${left.type} and ${right.type} are not both numbers`);
  }
  if (left.type === "double" || right.type === "double") return compareDoubles(Number(left.value), Number(right.value));
  return left.value < right.value ? -1 : left.value > right.value ? 1 : 0;
}

function order(operator: OrderOperator, left: Operand, right: Operand): Condition {
  const holds = HOLDS[operator];
  // The parser lets only numbers, texts and negated texts (NULL) through.
  if (left.type === "truth") return left.condition;
  if (left.type === "text") {
    const { read } = left;
    if (right.type === "truth") {
      const { condition } = right;
      return (values) => (read(values) === undefined ? UNKNOWN : condition(values));
    }
    if (right.type === "text") {
      const other = right.read;
      return (values) => {
        const text = read(values);
        const otherText = other(values);
        if (text === undefined || otherText === undefined) return UNKNOWN;
        const [a, b] = [parseDouble(text), parseDouble(otherText)];
        return a === undefined || b === undefined ? ERROR : truthOf(holds(compareDoubles(a, b)));
      };
    }
    const compare = comparisonWith(right);
    return (values) => {
      const text = read(values);
      if (text === undefined) return UNKNOWN;
      const found = compare(text);
      return found === undefined ? ERROR : truthOf(holds(found));
    };
  }
  if (right.type === "truth") return right.condition;
  if (right.type === "text") return order(MIRRORED[operator], right, left);
  const truth = truthOf(holds(compareConstants(left, right)));
  return () => truth;
}

const HOLDS: Readonly<Record<OrderOperator, (comparison: number) => boolean>> = {
  ">": (comparison) => comparison > 0,
  ">=": (comparison) => comparison >= 0,
  "<": (comparison) => comparison < 0,
  "<=": (comparison) => comparison <= 0,
};

const MIRRORED: Readonly<Record<OrderOperator, OrderOperator>> = { ">": "<", ">=": "<=", "<": ">", "<=": ">=" };

/** NULL on the left is unknown, on the right alone false, on both sides true: which is how IS NULL works. */
function equal(left: Operand, right: Operand): Condition {
  if (left.type === "truth") return equalToTruth(left.condition, right);
  if (right.type === "truth") {
    const { condition } = right;
    return (values) => {
      const text = left.type === "text" ? left.read(values) : "";
      const truth = condition(values);
      if (truth === ERROR) return ERROR;
      if (text === undefined) return truth === UNKNOWN ? TRUE : UNKNOWN;
      if (truth === UNKNOWN || left.type !== "text") return FALSE;
      return truthOf((text.toLowerCase() === "true") === (truth === TRUE));
    };
  }
  if (left.type === "text" && right.type === "text") {
    const [read, other] = [left.read, right.read];
    return (values) => {
      const text = read(values);
      const otherText = other(values);
      return text === otherText ? TRUE : text === undefined ? UNKNOWN : FALSE;
    };
  }
  if (left.type === "text" && right.type !== "text") return equalToNumber(left.read, comparisonWith(right), UNKNOWN);
  if (right.type === "text" && left.type !== "text") return equalToNumber(right.read, comparisonWith(left), FALSE);
  const truth = truthOf(compareConstants(left, right) === 0);
  return () => truth;
}

function equalToNumber(read: (values: Values) => string | undefined, compare: Comparison, whenAbsent: Truth): Condition {
  return (values) => {
    const text = read(values);
    if (text === undefined) return whenAbsent;
    const found = compare(text);
    return found === undefined ? ERROR : truthOf(found === 0);
  };
}

/** A truth value on the left: equal to another one; with a text Apache fails (a cast), with a number it is never equal. */
function equalToTruth(condition: Condition, right: Operand): Condition {
  return (values) => {
    const truth = condition(values);
    if (truth === ERROR) return ERROR;
    if (right.type === "truth") {
      const other = right.condition(values);
      return other === ERROR ? ERROR : truth === other ? TRUE : truth === UNKNOWN ? UNKNOWN : FALSE;
    }
    const present = right.type !== "text" || right.read(values) !== undefined;
    if (truth === UNKNOWN) return present ? UNKNOWN : TRUE;
    return present && right.type === "text" ? ERROR : FALSE;
  };
}
