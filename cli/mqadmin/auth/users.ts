/** Users of ACL 2.0: createUser, updateUser, deleteUser, getUser, listUser, copyUser. */
import type { UserInfo } from "../../../wire/bodies/auth.ts";
import type { CommandContext } from "../context.ts";
import { command, optional, required } from "../declaration.ts";
import { format } from "../format.ts";
import { atEachBroker, commaList, foundOnMasters } from "./brokers.ts";

const ROW = "%-16s  %-22s  %-22s  %-22s";

function printUsers(context: CommandContext, users: readonly UserInfo[]): void {
  if (users.length === 0) return;
  context.print(format(ROW, "#UserName", "#Password", "#UserType", "#UserStatus"));
  for (const { username, password = null, userType = null, userStatus = null } of users) {
    context.print(format(ROW, username, password, userType, userStatus));
  }
}

export const createUser = command({
  name: "createUser",
  package: "auth",
  description: "Create user to cluster.",
  options: {
    clusterName: optional("c", "create user to which cluster"),
    brokerAddr: optional("b", "create user to which broker"),
    username: required("u", "the username of user to create."),
    password: required("p", "the password of user to create"),
    userType: optional("t", "the userType of user to create"),
  },
  oneOf: ["clusterName", "brokerAddr"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -u alice -p secret -t Normal",
  run: (context, { username, password, userType, ...where }) =>
    atEachBroker(context, where, "create user", (address) =>
      context.admin.users.createUser(address, { username, password, userType }),
    ),
});

export const updateUser = command({
  name: "updateUser",
  package: "auth",
  description: "Update user to cluster.",
  options: {
    clusterName: optional("c", "update user to which cluster"),
    brokerAddr: optional("b", "update user to which broker"),
    username: required("u", "the username of user to update."),
    password: optional("p", "the password of user to update"),
    userType: optional("t", "the userType of user to update"),
    userStatus: optional("s", "the userStatus of user to update"),
  },
  oneOf: ["clusterName", "brokerAddr"],
  andOneOf: ["password", "userType", "userStatus"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -u alice -s disable",
  run: (context, { username, password, userType, userStatus, ...where }) =>
    atEachBroker(context, where, "update user", (address) =>
      context.admin.users.updateUser(address, { username, password, userType, userStatus }),
    ),
});

export const deleteUser = command({
  name: "deleteUser",
  package: "auth",
  description: "Delete user from cluster.",
  options: {
    clusterName: optional("c", "delete acl from which cluster"),
    brokerAddr: optional("b", "delete user from which broker"),
    username: required("u", "the username of user to delete."),
  },
  oneOf: ["clusterName", "brokerAddr"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -u alice",
  run: (context, { username, ...where }) =>
    atEachBroker(context, where, "delete user", (address) => context.admin.users.deleteUser(address, username)),
});

export const getUser = command({
  name: "getUser",
  package: "auth",
  description: "Get user from cluster.",
  options: {
    brokerAddr: optional("b", "get user for which broker"),
    clusterName: optional("c", "get user for specified cluster"),
    username: optional("u", "the username of user to get"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster -u alice",
  async run(context, { username = "", ...where }) {
    // The first master that knows the user speaks for the cluster.
    const [found] = await foundOnMasters(context, where, (address) => context.admin.users.getUser(address, username), true);
    const users = found === undefined ? [] : [found.value];
    printUsers(context, users);
    return users;
  },
});

export const listUser = command({
  name: "listUser",
  package: "auth",
  description: "List user from cluster.",
  options: {
    brokerAddr: optional("b", "list user for which broker"),
    clusterName: optional("c", "list user for specified cluster"),
    filter: optional("f", "the filter to list users"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -c DefaultCluster",
  async run(context, { filter, ...where }) {
    const listed = async (address: string) => {
      const users = await context.admin.users.listUser(address, filter);
      return users.length === 0 ? undefined : users;
    };
    const [found] = await foundOnMasters(context, where, listed, true);
    if (found === undefined) return [];
    printUsers(context, found.value);
    if (where.clusterName !== undefined) context.print(`get user from ${found.address} success.`);
    return found.value;
  },
});

export const copyUser = command({
  name: "copyUser",
  package: "auth",
  description: "Copy user to cluster.",
  options: {
    fromBroker: required("f", "the source broker that the users copy from"),
    toBroker: required("t", "the target broker that the users copy to"),
    usernames: optional("u", "the username list of user to copy."),
  },
  example: "-f 127.0.0.1:10911 -t 127.0.0.1:20911 -u alice,bob",
  async run(context, { fromBroker, toBroker, usernames }) {
    const { users } = context.admin;
    const names = commaList(usernames);
    const named = names.map((username) => users.getUser(fromBroker, username));
    const found = names.length > 0 ? await Promise.all(named) : await users.listUser(fromBroker);
    const copied: string[] = [];
    for (const user of found) {
      if (user === undefined) continue;
      const known = (await users.getUser(toBroker, user.username)) !== undefined;
      await (known ? users.updateUser(toBroker, user) : users.createUser(toBroker, user));
      context.print(`copy user of ${user.username} from ${fromBroker} to ${toBroker} success.`);
      copied.push(user.username);
    }
    return copied;
  },
});
