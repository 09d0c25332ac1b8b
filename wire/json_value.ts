/** JSON values as RocketMQ needs them: what JSON.parse gives, and four things more. */

/** A map whose keys are not all text. Also what the writer takes for any map, so that it knows maps from beans. */
export class JsonMap {
  readonly entries: readonly (readonly [key: JsonValue, value: JsonValue])[];

  constructor(entries: readonly (readonly [key: JsonValue, value: JsonValue])[]) {
    this.entries = entries;
  }
}

/** A number that is written as Java writes doubles: `0.0`, `1.0E10`. */
export class JsonDouble {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Elements that the pretty form keeps on one line (fastjson does so for `int[]` and `long[]`). */
export class JsonLine {
  readonly items: readonly JsonValue[];

  constructor(items: readonly JsonValue[]) {
    this.items = items;
  }
}

/** Integers beyond ±2^53 are bigint. Undefined members are left out by the writer. */
export type JsonValue =
  | null
  | undefined
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonMap
  | JsonDouble
  | JsonLine
  | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}
