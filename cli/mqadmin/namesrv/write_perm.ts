/** wipeWritePerm, addWritePerm: whether producers are sent to a broker, on every nameserver. */
import type { CommandContext } from "../context.ts";
import { command, required } from "../declaration.ts";
import { allOf } from "../targets.ts";

interface Done {
  readonly nameserver: string;
  readonly brokerName: string;
  /** How many topics changed. */
  readonly topics: number;
}

/** A nameserver that does not answer has its line, and the others their turn. */
async function everywhere(context: CommandContext, what: string, each: (nameserver: string) => Promise<Done>): Promise<Done[]> {
  const done: Done[] = [];
  const change = async (nameserver: string) => {
    const one = await each(nameserver);
    context.print(`${what} in name server[${nameserver}] OK, ${one.topics}`);
    done.push(one);
  };
  await allOf(context, context.namesrvAddrs, change, (nameserver) =>
    context.print(`${what} in name server[${nameserver}] Failed`),
  );
  return done;
}

const options = { brokerName: required("b", "broker name") };

export const wipeWritePerm = command({
  name: "wipeWritePerm",
  package: "namesrv",
  description: "Wipe write perm of broker in all name server you defined in the -n param.",
  options,
  example: "-n 127.0.0.1:9876 -b broker-a",
  async run(context, { brokerName }) {
    return await everywhere(context, `wipe write perm of broker[${brokerName}]`, async (nameserver) => {
      const topics = await context.admin.nameServers.wipeWritePermOfBroker(nameserver, brokerName);
      return { nameserver, brokerName, topics };
    });
  },
});

export const addWritePerm = command({
  name: "addWritePerm",
  package: "namesrv",
  description: "Add write perm of broker in all name server you defined in the -n param.",
  options,
  example: "-n 127.0.0.1:9876 -b broker-a",
  async run(context, { brokerName }) {
    return await everywhere(context, `add write perm of broker[${brokerName}]`, async (nameserver) => {
      const topics = await context.admin.nameServers.addWritePermOfBroker(nameserver, brokerName);
      return { nameserver, brokerName, topics };
    });
  },
});
