/** Records of the revive topic, as Java writes them (PopCheckPoint of 5.5.0 by fastjson2). */
import { expect, test } from "bun:test";
import { type PopCheckPoint, popCheckPoint } from "../../wire/bodies/pop_revive.ts";

const JAVA =
  '{"bm":2,"bn":"broker-a","c":"G","d":[0,1,5],"it":60000,"n":3,"pt":1700000000123,"q":4,"reviveTime":1700000060123,"ro":9,"rp":"2","so":70,"sp":SUSPEND,"t":"T"}';

const RECORD: PopCheckPoint = {
  ...{ so: 70, pt: 1_700_000_000_123, it: 60_000, bm: 2, n: 3, q: 4, t: "T", c: "G", ro: 9 },
  ...{ d: [0, 1, 5], bn: "broker-a", rp: "2" },
};

test.each([true, false])("a check point of Java's with suspend %p", (sp) => {
  expect(popCheckPoint.parse(JAVA.replace("SUSPEND", String(sp)))).toEqual({ ...RECORD, sp });
});

test("one of ours names suspend when it is, and Java takes its absence for false", () => {
  expect(JSON.parse(popCheckPoint.format({ ...RECORD, sp: true }))).toEqual({ ...RECORD, sp: true });
  expect(popCheckPoint.format(RECORD)).not.toContain('"sp"');
});
