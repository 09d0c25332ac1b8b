/** Every request code × who may send it. */
import { describe, expect, test } from "bun:test";
import { hasRule } from "../../core/auth/access_rules.ts";
import type { ExtFields } from "../../wire/remoting_command.ts";
import { REQUESTS, type RequestName, type RequestRow } from "../../wire/requests.ts";
import { ADMIN, accessControl, addJoe, HOST, JOE, outcome, request, signed } from "./support.ts";

/** Bodies that name topic and group `mine`, for the requests that name them there. */
const BODIES: Readonly<Partial<Record<RequestName, string>>> = {
  BATCH_ACK_MESSAGE: '{"acks":[{"c":"mine","t":"mine"}]}',
  LITE_SUBSCRIPTION_CTL: '{"subscriptionSet":[{"group":"mine","topic":"mine"}]}',
  HEART_BEAT: '{"clientID":"c","consumerDataSet":[{"groupName":"mine","subscriptionDataSet":[{"topic":"mine"}]}]}',
  CHECK_CLIENT_CONFIG: '{"clientId":"c","group":"mine","subscriptionData":{"topic":"mine"}}',
  LOCK_BATCH_MQ: '{"consumerGroup":"mine","mqSet":[{"topic":"mine"}]}',
  UNLOCK_BATCH_MQ: '{"consumerGroup":"mine","mqSet":[{"topic":"mine"}]}',
  QUERY_ASSIGNMENT: '{"consumerGroup":"mine","topic":"mine"}',
  SET_MESSAGE_REQUEST_MODE: '{"consumerGroup":"mine","topic":"mine"}',
  UPDATE_AND_CREATE_TOPIC_LIST: '{"topicConfigList":[{"topicName":"mine"}]}',
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: '{"groupName":"mine"}',
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: '{"groupConfigList":[{"groupName":"mine"}]}',
};

/** What a user with Pub and Sub on topic and group `mine` may send of these. */
const PUB_SUB: readonly RequestName[] = [
  "SEND_MESSAGE",
  "SEND_MESSAGE_V2",
  "SEND_BATCH_MESSAGE",
  "SEND_REPLY_MESSAGE",
  "SEND_REPLY_MESSAGE_V2",
  "RECALL_MESSAGE",
  "END_TRANSACTION",
  "CONSUMER_SEND_MSG_BACK",
  "PULL_MESSAGE",
  "LITE_PULL_MESSAGE",
  "PEEK_MESSAGE",
  "POP_MESSAGE",
  "POP_LITE_MESSAGE",
  "ACK_MESSAGE",
  "BATCH_ACK_MESSAGE",
  "CHANGE_MESSAGE_INVISIBLETIME",
  "NOTIFICATION",
  "LITE_SUBSCRIPTION_CTL",
  "QUERY_ASSIGNMENT",
  "QUERY_MESSAGE",
  "HEART_BEAT",
  "UNREGISTER_CLIENT",
  "CHECK_CLIENT_CONFIG",
  "GET_CONSUMER_LIST_BY_GROUP",
  "QUERY_CONSUMER_OFFSET",
  "UPDATE_CONSUMER_OFFSET",
  "LOCK_BATCH_MQ",
  "UNLOCK_BATCH_MQ",
  "GET_ROUTEINFO_BY_TOPIC",
  "CONSUME_MESSAGE_DIRECTLY",
];

/** What needs a right on the cluster, whatever it names: Apache 5.5.0 lets every user send the first line. */
const CLUSTER: readonly RequestName[] = [
  ...(["UPDATE_BROKER_CONFIG", "GET_ALL_TOPIC_CONFIG", "GET_ALL_SUBSCRIPTIONGROUP_CONFIG", "GET_TOPICS_BY_CLUSTER"] as const),
  ...(["GET_BROKER_CONFIG", "GET_BROKER_RUNTIME_INFO", "UPDATE_NAMESRV_CONFIG", "DELETE_EXPIRED_COMMITLOG"] as const),
  ...(["AUTH_CREATE_USER", "AUTH_UPDATE_ACL", "AUTH_GET_USER", "PUT_KV_CONFIG", "REGISTER_BROKER"] as const),
];

/** Every field of the header, texts being `mine`. */
function fieldsOf({ request: codec }: RequestRow): ExtFields {
  const fields = codec.fields as Record<string, { kind: string; wireName?: string }>;
  return Object.fromEntries(
    Object.entries(fields).map(([property, { kind, wireName }]) => [
      wireName ?? property,
      kind === "string" ? "mine" : kind === "boolean" ? "false" : "1",
    ]),
  );
}

const rows = Object.entries(REQUESTS) as [RequestName, RequestRow][];
const REFUSED = "16 check signature failed.";

describe("every request code", () => {
  const { access, sim } = accessControl();
  const commandOf = (name: RequestName) => request(name, fieldsOf(REQUESTS[name]), BODIES[name]);
  const ask = (name: RequestName, user: typeof ADMIN) => outcome(access.check(name, signed(commandOf(name), user, sim), HOST));

  test.each(rows)("%s: anonymous, unknown, wrong secret, disabled: refused in the same words", (name) => {
    addJoe(access);
    expect(outcome(access.check(name, commandOf(name), HOST))).toBe(REFUSED);
    expect(ask(name, { accessKey: "nobody", secretKey: "any" })).toBe(REFUSED);
    expect(ask(name, { ...ADMIN, secretKey: "wrong" })).toBe(REFUSED);
    const signature = { ...signed(commandOf(name), JOE, sim) };
    signature.extFields = { ...signature.extFields, Signature: undefined };
    expect(outcome(access.check(name, signature, HOST))).toBe(REFUSED);
    access.users.put({ ...access.users.find(JOE.accessKey)!, userStatus: "disable" });
    expect(ask(name, JOE)).toBe(REFUSED);
  });

  test.each(rows)("%s: a super user may, a user without rights may not", (name) => {
    addJoe(access);
    access.users.setPolicies(JOE.accessKey, undefined);
    expect(ask(name, ADMIN)).toBe("ok");
    expect(ask(name, JOE)).toMatch(/^16 User:joe has no permission to access .+ from 10\.1\.2\.3, no matched policies\.$/);
  });

  test.each(rows)("%s: with Pub and Sub on what it names", (name) => {
    addJoe(access, "Topic:mine Pub,Sub", "Group:mine Pub,Sub");
    const may = ask(name, JOE) === "ok";
    expect([name, may]).toEqual([name, PUB_SUB.includes(name)]);
    // Deny on everything else does not take it away: the closer entry decides.
    addJoe(access, "Topic:mine Pub,Sub", "Group:mine Pub,Sub", "* All Deny");
    expect(ask(name, JOE) === "ok").toBe(may);
  });

  test.each(rows)("%s: with all rights on topics and groups, or on the cluster", (name) => {
    addJoe(access, "Topic:* All", "Group:* All");
    const asResource = ask(name, JOE) === "ok";
    addJoe(access, "Cluster:DefaultCluster All");
    const asCluster = ask(name, JOE) === "ok";
    expect([name, asResource, asCluster]).toEqual([name, !asCluster, asCluster]);
    if (CLUSTER.includes(name) || !hasRule(name)) expect(asCluster).toBe(true);
  });
});
