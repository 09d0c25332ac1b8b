/**
 * From a parsed expression to one function of a message's properties.
 *
 * Properties are texts; the other side of a comparison decides what is read out of them, as Apache's broker does: against an
 * integer within 32 bits the text must be one too (`a > 5` with a = "7.5" is an error), against 5.0 a double, against TRUE a
 * boolean, and two properties are compared as doubles. Logic has three values, and an error beside them: it runs through to
 * the top, where the message is not delivered.
 */
import { compareDoubles, parseDouble, parseInt32, parseInt64 } from "./java_numbers.ts";
import type { PropertyValues } from "./property_picker.ts";
import { type Expression, isBoolean, type OrderOperator, type TextTest } from "./sql_expression.ts";
import { exactBytes, isSame, plainDouble, plainInt } from "./value_bytes.ts";

/** Elements of an IN that are compared one by one; more are looked up. */
const IN_BYTES_MAX = 8;

export const FALSE = 0;
export const TRUE = 1;
/** SQL's NULL. */
export const UNKNOWN = 2;
/** A text that should be a number and is none: nothing above can mend it. */
export const ERROR = 3;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN | typeof ERROR;

/** Asked of the values of the properties of `names`, each in the slot of its place there. */
export type Condition = (values: PropertyValues) => Truth;

export interface Compiled {
  /** The properties that the expression asks for, each once. */
  readonly names: readonly string[];
  readonly condition: Condition;
  /** The expression is TRUE when all of these are; what is cheap to find out comes first. */
  readonly conjuncts: readonly Condition[];
}

export function compileExpression(expression: Expression): Compiled {
  const compiler = new Compiler();
  const condition = compiler.condition(expression);
  const conjuncts: readonly Condition[] = conjunctsOf(expression)
    .sort((a, b) => costOf(a) - costOf(b))
    .map((each) => compiler.condition(each));
  return { names: [...compiler.slots.keys()], condition, conjuncts };
}

/** What stands between the outermost ANDs. */
function conjunctsOf(expression: Expression, found: Expression[] = []): Expression[] {
  if (expression.kind === "and") {
    conjunctsOf(expression.left, found);
    conjunctsOf(expression.right, found);
  } else found.push(expression);
  return found;
}

/** What it costs to ask, roughly: whether there is a value, whether it is a text, how large a number it is. */
function costOf(expression: Expression): number {
  switch (expression.kind) {
    case "constant":
      return expression.type === "null" ? 0 : expression.type === "string" ? 1 : expression.type === "int" ? 2 : 3;
    case "property":
      return 0;
    case "not":
    case "negate":
    case "cast":
      return costOf(expression.of);
    case "in":
      return 1;
    case "text":
      return 4;
    default:
      return (expression.kind === "or" || expression.kind === "and" ? 5 : 0) + costOf(expression.left) + costOf(expression.right);
  }
}

/** A side of a comparison; its type is known before any message is seen. */
type Operand =
  | Text
  | { readonly type: "int" | "double"; readonly value: number }
  | { readonly type: "long"; readonly value: bigint }
  | { readonly type: "truth"; readonly condition: Condition };

/** A property, by its slot, or a string. */
interface Text {
  readonly type: "text";
  /** -1 for a string. */
  readonly slot: number;
  /** Undefined for a property. */
  readonly string: string | undefined;
}

const isThere = ({ slot }: Text, values: PropertyValues): boolean => slot < 0 || values.has(slot);
const read = ({ slot, string }: Text, values: PropertyValues): string | undefined => (slot < 0 ? string : values.text(slot));

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
        const text = this.#text(expression.of);
        return (values) => (isThere(text, values) ? FALSE : UNKNOWN);
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
      case "in":
        return isIn(this.#text(expression.of), expression.elements, expression.negated);
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
      return { type: "text", slot: -1, string: expression.value };
    }
    return expression;
  }

  #text(expression: Expression): Text {
    if (expression.kind !== "property") throw new Error(`"${expression.kind}" where a property must stand`);
    const slot = this.slots.get(expression.name) ?? this.slots.size;
    this.slots.set(expression.name, slot);
    return { type: "text", slot, string: undefined };
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
  const holds: (text: string) => boolean =
    test === "CONTAINS"
      ? (text) => text.includes(search)
      : test === "STARTSWITH"
        ? (text) => text.startsWith(search)
        : (text) => text.endsWith(search);
  return (values) => {
    const text = read(of, values);
    return text === undefined ? FALSE : truthOf(holds(text) !== not);
  };
}

const errorOrFalse =
  (condition: Condition): Condition =>
  (values) =>
    condition(values) === ERROR ? ERROR : FALSE;

/** A property among texts. */
function isIn(of: Text, elements: readonly string[], not: boolean): Condition {
  const exact = elements.map(exactBytes);
  if (exact.length <= IN_BYTES_MAX && exact.every((bytes) => bytes !== undefined)) {
    const { slot } = of;
    return (values) => {
      if (!values.has(slot)) return UNKNOWN;
      for (const bytes of exact) if (isSame(values, slot, bytes)) return truthOf(!not);
      return truthOf(not);
    };
  }
  const texts = new Set(elements);
  return (values) => {
    const text = read(of, values);
    return text === undefined ? UNKNOWN : truthOf(texts.has(text) !== not);
  };
}

// --------------------------------------------------------------------------------------------------------- comparisons

/** How a value, which is there, compares: negative, zero, positive; undefined when it is not of the kind. */
type Comparison = (of: Text, values: PropertyValues) => number | undefined;

/** How a text compares with a constant, the text on the left. */
function comparisonWith(constant: Operand & { type: "int" | "double" | "long" }): Comparison {
  if (constant.type === "long") {
    const { value } = constant;
    return (of, values) => {
      const number = parseInt64(read(of, values) as string);
      return number === undefined ? undefined : number < value ? -1 : number > value ? 1 : 0;
    };
  }
  const { value } = constant;
  if (constant.type === "double") {
    // Else a difference says nothing.
    const isPlain = Number.isFinite(value) && !Object.is(value, -0);
    return (of, values) => {
      const plain = of.slot < 0 ? Number.NaN : plainDouble(values, of.slot);
      if (isPlain && !Number.isNaN(plain)) return plain - value;
      const number = parseDouble(read(of, values) as string);
      return number === undefined ? undefined : compareDoubles(number, value);
    };
  }
  return (of, values) => {
    const plain = of.slot < 0 ? Number.NaN : plainInt(values, of.slot);
    if (!Number.isNaN(plain)) return plain - value;
    const number = parseInt32(read(of, values) as string);
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
    if (right.type === "truth") {
      const { condition } = right;
      return (values) => (isThere(left, values) ? condition(values) : UNKNOWN);
    }
    if (right.type === "text") {
      return (values) => {
        const text = read(left, values);
        const otherText = read(right, values);
        if (text === undefined || otherText === undefined) return UNKNOWN;
        const [a, b] = [parseDouble(text), parseDouble(otherText)];
        return a === undefined || b === undefined ? ERROR : truthOf(holds(compareDoubles(a, b)));
      };
    }
    const compare = comparisonWith(right);
    return (values) => {
      if (!isThere(left, values)) return UNKNOWN;
      const found = compare(left, values);
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
      const truth = condition(values);
      if (truth === ERROR) return ERROR;
      if (left.type === "text" && !isThere(left, values)) return truth === UNKNOWN ? TRUE : UNKNOWN;
      if (truth === UNKNOWN || left.type !== "text") return FALSE;
      return truthOf((read(left, values)?.toLowerCase() === "true") === (truth === TRUE));
    };
  }
  if (left.type === "text" && right.type === "text") {
    const bytes = right.string === undefined ? undefined : exactBytes(right.string);
    if (bytes !== undefined && left.slot >= 0) {
      const { slot } = left;
      return (values) => (values.has(slot) ? truthOf(isSame(values, slot, bytes)) : UNKNOWN);
    }
    return (values) => {
      const text = read(left, values);
      const otherText = read(right, values);
      return text === otherText ? TRUE : text === undefined ? UNKNOWN : FALSE;
    };
  }
  if (left.type === "text" && right.type !== "text") return equalToNumber(left, comparisonWith(right), UNKNOWN);
  if (right.type === "text" && left.type !== "text") return equalToNumber(right, comparisonWith(left), FALSE);
  const truth = truthOf(compareConstants(left, right) === 0);
  return () => truth;
}

function equalToNumber(of: Text, compare: Comparison, whenAbsent: Truth): Condition {
  return (values) => {
    if (!isThere(of, values)) return whenAbsent;
    const found = compare(of, values);
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
    const present = right.type !== "text" || isThere(right, values);
    if (truth === UNKNOWN) return present ? UNKNOWN : TRUE;
    return present && right.type === "text" ? ERROR : FALSE;
  };
}
