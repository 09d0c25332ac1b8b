/** Access lists of ACL 2.0: createAcl, updateAcl, deleteAcl, getAcl, listAcl, copyAcl. */
import type { AclInfo } from "../../../wire/bodies/auth.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";
import { atEachBroker, commaList, foundOnMasters } from "./brokers.ts";

const ROW = "%-16s  %-10s  %-22s  %-20s  %-24s  %-10s";

function printAcls(context: CommandContext, acls: readonly AclInfo[]): void {
  if (acls.length === 0) return;
  context.print(format(ROW, "#Subject", "#PolicyType", "#Resource", "#Actions", "#SourceIp", "#Decision"));
  for (const { subject, policies } of acls) {
    if (policies.length === 0) context.print(format(ROW, subject, "", "", "", "", ""));
    for (const { policyType, entries } of policies) {
      for (const { resource, actions, sourceIps, decision } of entries) {
        // Java prints what was never set as null, and brokers send no empty list.
        const from = sourceIps.length === 0 ? null : javaList(sourceIps);
        context.print(format(ROW, subject, policyType, resource, javaList(actions), from, decision));
      }
    }
  }
}

const javaList = (items: readonly string[]): string => `[${items.join(", ")}]`;

/** Options of createAcl and updateAcl differ in one word. */
const aclOptions = <const V extends string>(verb: V) => ({
  clusterName: optional("c", `${verb} acl to which cluster`),
  brokerAddr: optional("b", `${verb} acl to which broker`),
  subject: required("s", `the subject of acl to ${verb}.`),
  resources: required("r", `the resources of acl to ${verb}`),
  actions: required("a", `the actions of acl to ${verb}`),
  sourceIp: optional("i", `the sourceIps of acl to ${verb}`),
  decision: required("d", `the decision of acl to ${verb}`),
});

const aclOf = (given: {
  subject: string;
  resources: string;
  actions: string;
  sourceIp?: string | undefined;
  decision: string;
}) => ({
  subject: given.subject,
  resources: commaList(given.resources),
  actions: commaList(given.actions),
  sourceIps: commaList(given.sourceIp),
  decision: given.decision,
});

export const createAcl = command({
  name: "createAcl",
  package: "auth",
  description: "Create acl to cluster.",
  options: aclOptions("create"),
  oneOf: ["clusterName", "brokerAddr"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -s User:alice -r Topic:orders -a Pub,Sub -i 192.168.0.0/16 -d Allow",
  run: (context, options) =>
    atEachBroker(context, options, "create acl", (address) => context.admin.users.createAcl(address, aclOf(options))),
});

export const updateAcl = command({
  name: "updateAcl",
  package: "auth",
  description: "Update acl to cluster.",
  options: aclOptions("update"),
  oneOf: ["clusterName", "brokerAddr"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -s User:alice -r Topic:orders -a Pub -d Deny",
  run: (context, options) =>
    atEachBroker(context, options, "update acl", (address) => context.admin.users.updateAcl(address, aclOf(options))),
});

export const deleteAcl = command({
  name: "deleteAcl",
  package: "auth",
  description: "Delete acl from cluster.",
  options: {
    clusterName: optional("c", "delete acl from which cluster"),
    brokerAddr: optional("b", "delete acl from which broker"),
    subject: required("s", "the subject of acl to delete."),
    resources: optional("r", "the resources of acl to delete"),
  },
  oneOf: ["clusterName", "brokerAddr"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -s User:alice -r Topic:orders",
  run: (context, { subject, resources, ...where }) =>
    atEachBroker(context, where, "delete acl", (address) => context.admin.users.deleteAcl(address, subject, resources)),
});

export const getAcl = command({
  name: "getAcl",
  package: "auth",
  description: "Get acl from cluster.",
  options: {
    brokerAddr: optional("b", "get acl for which broker"),
    clusterName: optional("c", "get acl for specified cluster"),
    subject: optional("s", "the subject of acl to get"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -s User:alice",
  async run(context, { subject = "", ...where }) {
    const found = await foundOnMasters(context, where, (address) => context.admin.users.getAcl(address, subject), false);
    for (const { value } of found) printAcls(context, [value]);
    return found;
  },
});

export const listAcl = command({
  name: "listAcl",
  package: "auth",
  description: "List acl from cluster.",
  options: {
    brokerAddr: optional("b", "list acl for which broker."),
    clusterName: optional("c", "list acl for specified cluster."),
    subject: optional("s", "the subject of acl to filter."),
    resource: optional("r", "the resource of acl to filter."),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  async run(context, { subject, resource, ...where }) {
    const list = (address: string) => context.admin.users.listAcl(address, subject, resource);
    const found = await foundOnMasters(context, where, list, false);
    for (const { value } of found) printAcls(context, value);
    return found;
  },
});

export const copyAcl = command({
  name: "copyAcl",
  package: "auth",
  description: "Copy acl to cluster.",
  options: {
    fromBroker: required("f", "the source broker that the acls copy from"),
    toBroker: required("t", "the target broker that the acls copy to"),
    subjects: optional("s", "the subject list of acl to copy."),
  },
  example: "-f 127.0.0.1:10911 -t 127.0.0.1:20911 -s User:alice,User:bob",
  async run(context, { fromBroker, toBroker, subjects }) {
    const { users } = context.admin;
    const names = commaList(subjects);
    const found =
      names.length > 0 ? await Promise.all(names.map((each) => users.getAcl(fromBroker, each))) : await users.listAcl(fromBroker);
    const copied: string[] = [];
    for (const acl of found) {
      if (acl === undefined) continue;
      const known = (await users.getAcl(toBroker, acl.subject)) !== undefined;
      await (known ? users.updateAcl(toBroker, acl) : users.createAcl(toBroker, acl));
      context.print(`copy acl of ${acl.subject} from ${fromBroker} to ${toBroker} success.`);
      copied.push(acl.subject);
    }
    return copied;
  },
});
