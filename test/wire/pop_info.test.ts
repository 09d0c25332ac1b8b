import { describe, expect, test } from "bun:test";
import {
  formatExtraInfo,
  joinInfo,
  msgOffsetPart,
  offsetCountPart,
  parseExtraInfo,
  startOffsetPart,
} from "../../wire/pop_info.ts";

describe("the handle of a popped message", () => {
  const info = {
    ckQueueOffset: 7,
    popTime: 1_795_225_252_766,
    invisibleTime: 60_000,
    reviveQid: 3,
    flag: "0",
    brokerName: "broker-a",
    queueId: 1,
  } as const;

  test("has eight parts, and seven from old clients", () => {
    expect(formatExtraInfo({ ...info, msgQueueOffset: 9 })).toBe("7 1795225252766 60000 3 0 broker-a 1 9");
    expect(parseExtraInfo("7 1795225252766 60000 3 0 broker-a 1 9")).toEqual({ ...info, msgQueueOffset: 9 });
    expect(parseExtraInfo(formatExtraInfo(info))).toEqual(info);
  });

  test.each([
    ["", "1 parts"],
    ["1 2 3 4 0 b", "6 parts"],
    ["1 2 3 4 0 b 5 6 7", "9 parts"],
    ["x 2 3 4 0 b 5", 'ckQueueOffset is "x"'],
    ["1 2 3 4 9 b 5", 'flag is "9"'],
    ["1 99999999999999999 3 4 0 b 5", "popTime"],
  ])("%p is refused", (text, why) => {
    expect(() => parseExtraInfo(text)).toThrow(why);
  });
});

test("parts of the texts of an answer", () => {
  expect(joinInfo(startOffsetPart("0", 1, 5), startOffsetPart("1", 0, 6))).toBe("0 1 5;1 0 6");
  expect(joinInfo("", msgOffsetPart("2", 3, [7, 8]))).toBe("2 3 7,8");
  expect(offsetCountPart("0", 2, 9, 1)).toBe("0 qo2%9 1");
});
