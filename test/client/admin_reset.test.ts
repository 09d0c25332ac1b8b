/** What an administrator's reset says to a broker, where it depends on who the members of the group are. */
import { expect, test } from "bun:test";
import { simRuntime } from "../../adapters/sim/sim.ts";
import { Admin, ClientInstance } from "../../core/client/mod.ts";
import { LANGUAGES } from "../../wire/remoting_command.ts";
import { REQUESTS } from "../../wire/requests.ts";
import { fakeServer, frameOf } from "./fake_server.ts";

test("a reset of clients in C++ is asked for as by one of them: the broker tells them in their own form", async () => {
  const sim = simRuntime();
  const languages: string[] = [];
  const { address } = await fakeServer(sim, {
    onOther: (socket, request) => {
      if (request.code === REQUESTS.INVOKE_BROKER_TO_RESET_OFFSET.code) languages.push(LANGUAGES[request.language] ?? "none");
      socket.write(frameOf(request, {}));
    },
  });
  const client = new ClientInstance({ runtime: sim, namesrvAddr: address });
  const { offsets } = new Admin(client);
  const input = { topic: "T", group: "G", timestamp: -1 };
  let done = false;
  const resets = async () => {
    await offsets.resetOffsetByTimestamp({ ...input, isC: true });
    await offsets.resetOffsetByTimestamp(input);
  };
  const finished = resets().finally(() => {
    done = true;
  });
  await sim.clock.until(() => done, 60_000);
  await finished;
  expect(languages).toEqual(["CPP", "OTHER"]);
  await client.close();
});
