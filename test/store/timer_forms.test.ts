import { describe, expect, test } from "bun:test";
import { Prng } from "../../adapters/sim/prng.ts";
import { ParkedForm } from "../../core/store/timer/timer_forms.ts";
import { parseTime } from "../../core/store/timer/timer_message.ts";
import { TimerScan } from "../../core/store/timer/timer_scan.ts";
import { decodeUtf8, encodeUtf8 } from "../../wire/bytes.ts";
import { propertyOf } from "../../wire/properties.ts";
import { message } from "./support.ts";

const NAMES = [
  "TAGS",
  "UNIQ_KEY",
  "REAL_QID",
  "REAL_TOPIC",
  "TIMER_OUT_MS",
  "TIMER_ENQUEUE_MS",
  "TIMER_ROLL_TIMES",
  "TIMER_DEL_UNIQKEY",
  "TIMER_DELIVER_MS",
  "\u0000AGS",
  "é",
  "",
];
const VALUES = ["", "1", "-7", "+3", "T", "über", "12345678901234567890", "9007199254740993", "a\u0001b", "x".repeat(40)];

describe("what waits", () => {
  test("is read from its bytes as from its text, whatever the text", () => {
    const prng = new Prng(1, 1);
    const scan = new TimerScan();
    for (let round = 0; round < 2000; round++) {
      let text = "";
      for (let pairs = prng.below(8); pairs > 0; pairs--) {
        text += NAMES[prng.below(NAMES.length)];
        if (prng.below(8) > 0) text += "\u0001";
        text += VALUES[prng.below(VALUES.length)];
        if (prng.below(8) > 0) text += "\u0002";
      }
      const front = prng.below(3);
      const bytes = encodeUtf8("\u0001".repeat(front) + text);
      scan.scan(bytes, front, bytes.length);
      const value = (name: string): string | undefined => propertyOf(text, name);
      expect(scan.tags.text(bytes)).toBe(value("TAGS"));
      expect(scan.uniqKey.text(bytes)).toBe(value("UNIQ_KEY"));
      expect(scan.cancels.text(bytes)).toBe(value("TIMER_DEL_UNIQKEY"));
      expect(scan.realTopic).toBe(value("REAL_TOPIC"));
      expect(scan.outTimeMs).toBe(parseTime(value("TIMER_OUT_MS")) ?? Number.NaN);
      expect(scan.realQueueId).toBe(parseTime(value("REAL_QID")) ?? Number.NaN);
      expect(scan.rollTimes).toBe(parseTime(value("TIMER_ROLL_TIMES") ?? "0") ?? Number.NaN);
      const set = value("TIMER_ENQUEUE_MS") ?? value("TIMER_ROLL_TIMES");
      if (set !== undefined) expect(scan.isFresh).toBe(false);
    }
  });
});

describe("a parked message", () => {
  test("says its own time and place, whatever was parked before", () => {
    const form = new ParkedForm();
    const common = encodeUtf8("CLUSTER\u0001c\u0002");
    for (const topic of ["T", "U", "T"]) {
      for (const queueId of [0, 1, 64, 0]) {
        for (const outTimeMs of [1000, 65_000, 1000]) {
          for (const commonProperties of [undefined, common]) {
            const parked = form.of({ ...message({ topic, queueId, properties: "A\u0001b" }), commonProperties }, outTimeMs);
            const all = parked.properties + decodeUtf8(parked.commonProperties as Uint8Array);
            const before = commonProperties === undefined ? "" : decodeUtf8(common);
            expect(all).toBe(
              `A\u0001b\u0002${before}TIMER_OUT_MS\u0001${outTimeMs}\u0002REAL_TOPIC\u0001${topic}\u0002REAL_QID\u0001${queueId}\u0002`,
            );
          }
        }
      }
    }
  });

  test("has what it brings of these names replaced", () => {
    const given = "REAL_TOPIC\u0001X\u0002A\u0001b\u0002TIMER_OUT_MS\u00011\u0002REAL_QID\u00017\u0002";
    const parked = new ParkedForm().of(message({ topic: "T", queueId: 3, properties: given }), 5000);
    expect(parked.properties).toBe("A\u0001b\u0002");
    expect(decodeUtf8(parked.commonProperties as Uint8Array)).toBe(
      "TIMER_OUT_MS\u00015000\u0002REAL_TOPIC\u0001T\u0002REAL_QID\u00013\u0002",
    );
  });
});
