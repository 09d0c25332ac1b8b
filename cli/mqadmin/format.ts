/** Java's `String.format`, as far as Apache's columns need it: `%[-][width][.precision]` with s, d or f, and `%%`. */
export function format(pattern: string, ...values: readonly unknown[]): string {
  let next = 0;
  return pattern.replace(
    /%(-?)(\d*)(?:\.(\d+))?([sdf%])/g,
    (_all, left: string, width: string, precision: string, kind: string) => {
      if (kind === "%") return "%";
      const value = values[next++];
      let text = String(value);
      if (kind === "f") text = fixed(Number(value), precision === undefined ? 6 : Number(precision));
      else if (precision !== undefined) text = text.slice(0, Number(precision));
      return left === "-" ? text.padEnd(Number(width)) : text.padStart(Number(width));
    },
  );
}

/** Java rounds half up in decimal, `toFixed` works on the binary value: 0.125 is 0.13 in both, 1.005 is 1.01 in Java only. */
function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
  const shifted = Number(`${Math.abs(value)}e${digits}`);
  if (!Number.isFinite(shifted)) return value.toFixed(digits);
  const rounded = Number(`${Math.round(shifted)}e-${digits}`).toFixed(digits);
  return value < 0 ? `-${rounded}` : rounded;
}

/** `yyyy-MM-dd HH:mm:ss`, with `,SSS` or the separators of the pattern that Apache's `UtilAll` has, in this machine's zone. */
export function dateTime(timeMs: number, milliseconds: false | string = false): string {
  const date = new Date(timeMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${milliseconds === false ? "" : `${milliseconds}${String(date.getMilliseconds()).padStart(3, "0")}`}`;
}

/** The first `length` characters, as Apache's `UtilAll.frontStringAtLeast`. */
export const front = (text: string, length: number): string => text.slice(0, length);

/** JSON as fastjson prints it when asked to be pretty: tabs, no blank behind a colon, numbers as keys without quotes. */
export function prettyJson(value: unknown, indent = ""): string {
  const inner = `${indent}\t`;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((each) => `${inner}${prettyJson(each, inner)}`).join(",\n")}\n${indent}]`;
  }
  if (value instanceof Set) return prettyJson([...(value as Set<unknown>)], indent);
  if (typeof value === "object" && value !== null) {
    const entries = value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value);
    const members = entries.filter(([, each]) => each !== undefined);
    if (members.length === 0) return "{}";
    const lines = members.map(
      ([key, each]) => `${inner}${typeof key === "number" ? key : JSON.stringify(key)}:${prettyJson(each, inner)}`,
    );
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return plainJson(value);
}

/** Any value of ours as JSON: maps are objects, sets arrays, and numbers beyond 2^53 text. */
export function plainJson(value: unknown, space?: number): string {
  return (
    JSON.stringify(
      value,
      (_key, each: unknown) => {
        if (each instanceof Map) return Object.fromEntries(each as Map<string, unknown>);
        if (each instanceof Set) return [...(each as Set<unknown>)];
        if (typeof each === "bigint") return Number.isSafeInteger(Number(each)) ? Number(each) : String(each);
        return each;
      },
      space,
    ) ?? "null"
  );
}
