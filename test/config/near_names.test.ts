import { expect, test } from "bun:test";
import { brokerOptions } from "../../core/broker/options.ts";
import { namesrvOptions } from "../../core/namesrv/options.ts";
import { nearestName } from "../../core/near_names.ts";

const KEYS = Object.keys(brokerOptions);

test.each([
  ["flushDisktype", "flushDiskType"],
  ["FLUSHDISKTYPE", "flushDiskType"],
  ["flushDiskTpye", "flushDiskType"],
  ["flushDiskTypes", "flushDiskType"],
  ["listenPrt", "listenPort"],
  ["brokerIp1", "brokerIP1"],
  ["storePathRootDri", "storePathRootDir"],
  ["storePathRotDr", "storePathRootDir"],
])("%s is near %s", (name, meant) => {
  expect(nearestName(name, KEYS)).toBe(meant);
});

test.each(["foo", "acl", "", "listenPool", "storePathOfRoot", "__proto__"])("%s is near none", (name) => {
  expect(nearestName(name, KEYS)).toBe(undefined);
});

test("a name of a megabyte is compared with none", () => {
  expect(nearestName("x".repeat(1_000_000), KEYS)).toBe(undefined);
});

test("of two as near it is the first, and the nearer one whatever its place", () => {
  expect(nearestName("names", ["named", "namer"])).toBe("named");
  expect(nearestName("longerNamesHere", ["longerNamePlace", "longerNaemsHree", "longerNameHere"])).toBe("longerNameHere");
});

test("every key with two neighbours swapped is near a key", () => {
  for (const key of [...KEYS, ...Object.keys(namesrvOptions)]) {
    if (key.length < 4) continue;
    const swapped = `${key.slice(0, -2)}${key.at(-1)}${key.at(-2)}`;
    expect(nearestName(swapped, [key])).toBe(key);
  }
});
