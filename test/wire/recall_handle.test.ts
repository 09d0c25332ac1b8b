import { describe, expect, test } from "bun:test";
import { decodeRecallHandle, encodeRecallHandle, RecallHandles } from "../../wire/recall_handle.ts";

const KEY = "7F00000100002A139A55000000000001";

/** Made by RecallMessageHandle.HandleV1 of 5.5.0: no padding, one and two characters of it, and both letters of base64url. */
const GOLDEN: readonly [topic: string, timestamp: string, messageId: string, handle: string][] = [
  ["T", "1795225251001", KEY, "djEgVCBicm9rZXItYSAxNzk1MjI1MjUxMDAxIDdGMDAwMDAxMDAwMDJBMTM5QTU1MDAwMDAwMDAwMDAx"],
  ["To", "1795225251001", KEY, "djEgVG8gYnJva2VyLWEgMTc5NTIyNTI1MTAwMSA3RjAwMDAwMTAwMDAyQTEzOUE1NTAwMDAwMDAwMDAwMQ=="],
  ["Top", "1795225251001", KEY, "djEgVG9wIGJyb2tlci1hIDE3OTUyMjUyNTEwMDEgN0YwMDAwMDEwMDAwMkExMzlBNTUwMDAwMDAwMDAwMDE="],
  ["über_?>~", "1", "K", "djEgw7xiZXJfPz5-IGJyb2tlci1hIDEgSw=="],
];

describe("recall handle", () => {
  test.each(GOLDEN.map((each) => [...each]))("of %p", (topic, timestamp, messageId, handle) => {
    const parts = { topic, brokerName: "broker-a", timestamp, messageId } as Parameters<typeof encodeRecallHandle>[0];
    expect(encodeRecallHandle(parts)).toBe(handle as string);
    expect(decodeRecallHandle(handle as string)).toEqual(parts);
    // As Java's decoder: padding may be left out.
    expect(decodeRecallHandle((handle as string).replaceAll("=", ""))).toEqual(parts);
  });

  test("one after another, of any id", () => {
    const handles = new RecallHandles();
    for (const topic of ["T", "To", "Top", "über_?>~", "T"]) {
      for (const timestamp of [1795225251001, 1]) {
        for (const messageId of [KEY, "K", "", "é", "K2", "x".repeat(64), "x".repeat(65), "ab?>~"]) {
          const expected = encodeRecallHandle({ topic, brokerName: "broker-a", timestamp: String(timestamp), messageId });
          expect(handles.of(topic, "broker-a", timestamp, messageId)).toBe(expected);
        }
      }
    }
    expect(handles.of("T", "b", 1, KEY)).toBe(
      encodeRecallHandle({ topic: "T", brokerName: "b", timestamp: "1", messageId: KEY }),
    );
  });

  test.each([
    "",
    "=",
    "djEg",
    "djEgVCBicm9rZXItYSAx", // v1 T broker-a 1: no key
    "djIgVCBicm9rZXItYSAxIEs=", // v2
    "djEgVCBicm9rZXItYSAxIEs+",
    "djEgVCBicm9rZXItYSAxIEs==",
    "abcd".repeat(1250),
  ])("%p is none", (handle) => {
    expect(() => decodeRecallHandle(handle as string)).toThrow("recall handle is invalid");
  });
});
