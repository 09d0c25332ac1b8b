/** wipeWritePerm, addWritePerm: whether producers are sent to a broker, on every nameserver. */
import { command, required } from "../declaration.ts";

const options = { brokerName: required("b", "broker name") };

export const wipeWritePerm = command({
  name: "wipeWritePerm",
  package: "namesrv",
  description: "Wipe write perm of broker in all name server you defined in the -n param.",
  options,
  example: "-n 127.0.0.1:9876 -b broker-a",
  async run(context, { brokerName }) {
    const done = [];
    for (const nameserver of context.namesrvAddrs) {
      const topics = await context.admin.nameServers.wipeWritePermOfBroker(nameserver, brokerName);
      context.print(`wipe write perm of broker[${brokerName}] in name server[${nameserver}] OK, ${topics}`);
      done.push({ nameserver, brokerName, topics });
    }
    return done;
  },
});

export const addWritePerm = command({
  name: "addWritePerm",
  package: "namesrv",
  description: "Add write perm of broker in all name server you defined in the -n param.",
  options,
  example: "-n 127.0.0.1:9876 -b broker-a",
  async run(context, { brokerName }) {
    const done = [];
    for (const nameserver of context.namesrvAddrs) {
      const topics = await context.admin.nameServers.addWritePermOfBroker(nameserver, brokerName);
      context.print(`add write perm of broker[${brokerName}] in name server[${nameserver}] OK, ${topics}`);
      done.push({ nameserver, brokerName, topics });
    }
    return done;
  },
});
