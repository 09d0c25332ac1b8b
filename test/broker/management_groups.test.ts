import { describe, expect, test } from "bun:test";
import {
  groupForbidden,
  newSubscriptionGroupConfig,
  subscriptionGroupConfig,
  subscriptionGroupList,
  subscriptionGroupWrapper,
} from "../../wire/bodies/subscription_group.ts";
import { decodeUtf8 } from "../../wire/bytes.ts";
import { ResponseCode } from "../../wire/response_code.ts";
import { BrokerHarness } from "./management_harness.ts";

const NO_BODY = new Uint8Array(0);
const group = (groupName: string, more: object = {}) =>
  subscriptionGroupConfig.encode({ ...newSubscriptionGroupConfig(groupName), ...more });

test("the groups of a new broker are Apache's", async () => {
  const { broker } = await BrokerHarness.start();
  expect([...broker.groups.all().keys()].sort()).toEqual([
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_OWNER",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_PULL",
    "CID_RMQ_SYS_TRANS",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "TOOLS_CONSUMER",
  ]);
  await broker.stop();
});

describe("creation on first use", () => {
  test("is switched by autoCreateSubscriptionGroup; system groups are made all the same", async () => {
    const { broker } = await BrokerHarness.start({ settings: { autoCreateSubscriptionGroup: false } });
    expect(broker.groups.findOrCreate("G")).toBeUndefined();
    expect(broker.groups.findOrCreate("CID_RMQ_SYS_X")?.groupName).toBe("CID_RMQ_SYS_X");
    await broker.stop();
  });

  test("needs a legal name", async () => {
    const { broker } = await BrokerHarness.start();
    expect([
      broker.groups.findOrCreate("a/b"),
      broker.groups.findOrCreate(""),
      broker.groups.findOrCreate("g".repeat(121)),
    ]).toEqual([undefined, undefined, undefined]);
    expect(broker.groups.findOrCreate("G")).toEqual(newSubscriptionGroupConfig("G"));
    expect(broker.groups.dataVersion.counter).toBe(1);
    await broker.stop();
  });
});

describe("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", () => {
  test("creates, changes, and outlives a restart", async () => {
    let harness = await BrokerHarness.start();
    await harness.call("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, group("G", { retryMaxTimes: 3 }));
    await harness.call("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, group("G", { attributes: { "+priority.factor": "7" } }));
    harness = await harness.restart();
    const { body = NO_BODY } = await harness.call("GET_SUBSCRIPTIONGROUP_CONFIG", { group: "G" });
    expect(subscriptionGroupConfig.decode(body)).toMatchObject({ retryMaxTimes: 16, attributes: { "priority.factor": "7" } });
    expect(harness.broker.groups.dataVersion.counter).toBe(2);
    await harness.broker.stop();
  });

  test("refuses what can't be", async () => {
    const harness = await BrokerHarness.start();
    const update = (bytes: Uint8Array) => harness.refused("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP", {}, bytes);
    expect(await update(group("a b"))).toEqual({
      code: ResponseCode.INVALID_PARAMETER,
      remark: "The specified group: a b, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$",
    });
    expect((await update(group("G", { retryQueueNums: 2 ** 30 }))).code).toBe(ResponseCode.INVALID_PARAMETER);
    expect((await update(group("G", { attributes: { "+priority.factor": "101" } }))).remark).toBe(
      "priority.factor: value is not in range(0, 100)",
    );
    expect(harness.broker.groups.dataVersion.counter).toBe(0);
    await harness.broker.stop();
  });

  test("a list is taken whole or not at all", async () => {
    const harness = await BrokerHarness.start();
    const list = (...names: string[]) => subscriptionGroupList.encode({ groupConfigList: names.map(newSubscriptionGroupConfig) });
    expect((await harness.refused("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", {}, list("A", "b/c"))).code).toBe(29);
    await harness.call("UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST", {}, list("B", "C"));
    expect(["A", "B", "C"].map((name) => harness.broker.groups.find(name) !== undefined)).toEqual([false, true, true]);
    await harness.broker.stop();
  });
});

describe("GET_SUBSCRIPTIONGROUP_CONFIG", () => {
  test("of an unknown group is SUBSCRIPTION_GROUP_NOT_EXIST when groups are not made on first use", async () => {
    const harness = await BrokerHarness.start({ settings: { autoCreateSubscriptionGroup: false } });
    expect((await harness.refused("GET_SUBSCRIPTIONGROUP_CONFIG", { group: "G" })).code).toBe(
      ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
    );
    await harness.broker.stop();
  });

  test("makes the group when they are, as Apache does", async () => {
    const harness = await BrokerHarness.start();
    const { body = NO_BODY } = await harness.call("GET_SUBSCRIPTIONGROUP_CONFIG", { group: "G" });
    expect(subscriptionGroupConfig.decode(body).groupName).toBe("G");
    await harness.broker.stop();
  });
});

test("GET_ALL_SUBSCRIPTIONGROUP_CONFIG lists all, or pages with their forbidden topics only", async () => {
  const harness = await BrokerHarness.start({ settings: { splitMetadataSize: 2 } });
  harness.broker.groups.findOrCreate("G");
  harness.broker.groups.setReadable("G", "T", false);
  const list = async (header: object) => {
    const { header: reply, body = NO_BODY } = await harness.call("GET_ALL_SUBSCRIPTIONGROUP_CONFIG", header);
    return { total: reply?.totalGroupNum, ...subscriptionGroupWrapper.decode(body) };
  };
  const all = await list({});
  expect([all.total, all.subscriptionGroupTable.size, all.forbiddenTable.get("G")?.get("T")]).toEqual([9, 9, 4]);
  const first = await list({ groupSeq: 0, dataVersion: "", maxGroupNum: 5 });
  expect([...first.subscriptionGroupTable.keys()]).toEqual(["CID_ONS-HTTP-PROXY", "CID_ONSAPI_OWNER"]);
  expect(first.forbiddenTable.size).toBe(0);
  await harness.broker.stop();
});

describe("DELETE_SUBSCRIPTIONGROUP", () => {
  test("keeps the offsets unless told otherwise", async () => {
    const harness = await BrokerHarness.start();
    const { groups, offsets } = harness.broker;
    for (const name of ["A", "B"]) {
      groups.findOrCreate(name);
      offsets.commit(name, "T", 0, 5);
    }
    await harness.call("DELETE_SUBSCRIPTIONGROUP", { groupName: "A", cleanOffset: false });
    await harness.call("DELETE_SUBSCRIPTIONGROUP", { groupName: "B", cleanOffset: true });
    expect([groups.find("A"), groups.find("B")]).toEqual([undefined, undefined]);
    expect([offsets.query("A", "T", 0), offsets.query("B", "T", 0)]).toEqual([5, -1]);
    await harness.broker.stop();
  });
});

test("UPDATE_AND_GET_GROUP_FORBIDDEN forbids, allows and only asks; the bit is Apache's", async () => {
  let harness = await BrokerHarness.start();
  const ask = async (readable?: boolean) => {
    const { body = NO_BODY } = await harness.call("UPDATE_AND_GET_GROUP_FORBIDDEN", { group: "G", topic: "T", readable });
    return groupForbidden.decode(body);
  };
  expect(await ask()).toEqual({ group: "G", topic: "T", readable: true });
  expect((await ask(false)).readable).toBe(false);
  expect(harness.broker.groups.mayRead("G", "T")).toBe(false);
  harness = await harness.restart();
  const text = decodeUtf8(harness.runtime.files.read("/store/config/subscriptionGroup.json") ?? NO_BODY);
  expect(text).toInclude('"forbiddenTable":{\n\t\t"G":{\n\t\t\t"T":4\n\t\t}\n\t}');
  expect((await ask()).readable).toBe(false);
  expect((await ask(true)).readable).toBe(true);
  expect(harness.broker.groups.forbiddenTable().size).toBe(0);
  await harness.broker.stop();
});
