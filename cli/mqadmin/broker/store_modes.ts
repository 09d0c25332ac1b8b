/** setCommitLogReadAheadMode, switchTimerEngine: how a broker's store works. */
import { command, optional, required, UsageError } from "../declaration.ts";
import { eachMaster, eachWithTitle } from "../targets.ts";

export const setCommitLogReadAheadMode = command({
  name: "setCommitLogReadAheadMode",
  package: "broker",
  description: "Set read ahead mode for all commitlog files.",
  options: {
    brokerAddr: optional("b", "set which broker"),
    clusterName: optional("c", "set which cluster"),
    commitLogReadAheadMode: required("m", "set the CommitLog read ahead mode; 0 is default, 1 random read"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -m 1",
  async run(context, { commitLogReadAheadMode: mode, ...options }) {
    if (mode !== "0" && mode !== "1") throw new UsageError("set the read mode error; 0 is default, 1 random read");
    const found = new Map<string, string>();
    const set = async (address: string) => {
      const answer = await context.admin.brokers.setCommitLogReadAheadMode(address, mode);
      found.set(address, answer);
      context.print(`commitLog set readAhead mode rstStr${answer}`);
    };
    await eachWithTitle(context, options, set, " ");
    return found;
  },
});

/** What is printed; the letter is what is sent. */
const ENGINES: Readonly<Record<string, string>> = { R: "ROCKSDB_TIMELINE", F: "FILE_TIME_WHEEL" };

export const switchTimerEngine = command({
  name: "switchTimerEngine",
  package: "broker",
  description: "switch the engine of timer message in broker",
  options: {
    brokerAddr: optional("b", "update which broker"),
    clusterName: optional("c", "update which cluster"),
    engineType: required("e", "R/F, R for rocksdb timeline engine, F for file time wheel engine"),
  },
  oneOf: ["brokerAddr", "clusterName"],
  example: "-n 127.0.0.1:9876 -b 127.0.0.1:10911 -e F",
  async run(context, { engineType, ...options }) {
    const engine = ENGINES[engineType];
    if (engine === undefined) throw new UsageError("switchTimerEngine engineType must be R or F");
    const brokers = await eachMaster(
      context,
      options,
      (address) => `switchTimerEngine to ${engine} success, ${address}`,
      (address) => context.admin.brokers.switchTimerEngine(address, engineType),
    );
    return { engine, brokers };
  },
});
