/** Lite topics are spread over brokers: each of the parent's route is asked, and one that fails is named and passed over. */
import { MQBrokerError, MQClientError } from "../../../core/client/mod.ts";
import { MASTER_ID } from "../../../wire/mix_all.ts";
import type { CommandContext } from "../context.ts";
import { CommandError } from "../declaration.ts";

export interface NamedBroker {
  readonly brokerName: string;
  readonly address: string;
}

/** Brokers of a topic, by name. */
export async function brokersOfTopic(context: CommandContext, topic: string): Promise<NamedBroker[]> {
  const { brokerDatas } = await context.admin.topics.examineTopicRouteInfo(topic);
  return brokerDatas.flatMap(({ brokerName, brokerAddrs }) => {
    const address = brokerAddrs.get(MASTER_ID) ?? [...brokerAddrs.values()][0];
    return address === undefined ? [] : [{ brokerName, address }];
  });
}

/** What those brokers say that answer; `[name] error.` for the others. @throws CommandError when none answers */
export async function askEach<T>(
  context: CommandContext,
  brokers: readonly NamedBroker[],
  ask: (broker: NamedBroker) => Promise<T>,
  print: (answer: T, broker: NamedBroker) => void,
): Promise<(NamedBroker & T)[]> {
  const answers: (NamedBroker & T)[] = [];
  for (const broker of brokers) {
    try {
      const answer = await ask(broker);
      print(answer, broker);
      answers.push({ ...broker, ...answer });
    } catch (fault) {
      if (!(fault instanceof MQBrokerError || fault instanceof MQClientError)) throw fault;
      context.print(`[${broker.brokerName}] error.`);
      context.output.missed(fault);
    }
  }
  if (answers.length > 0 || brokers.length === 0) return answers;
  throw new CommandError(`None of ${brokers.map(({ address }) => address).join(", ")} answered`);
}
