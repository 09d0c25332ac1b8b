/** mqadmin in this process: words in, what was printed and the exit code out. */
import { commands } from "../../cli/mqadmin/commands.ts";
import { runMqadmin } from "../../cli/mqadmin/run.ts";
import type { Runtime } from "../../core/runtime.ts";
import { hostRuntime } from "../support/host_runtime.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly terminal?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
  readonly runtime?: Runtime;
}

export async function mqadmin(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let out = "";
  let err = "";
  const code = await runMqadmin(
    {
      runtime: options.runtime ?? (await hostRuntime()),
      commands,
      terminal: {
        out: (text) => {
          out += text;
        },
        err: (text) => {
          err += text;
        },
        outIsTerminal: options.terminal === true,
        errIsTerminal: options.terminal === true,
        environment: (name) => options.environment?.[name],
      },
    },
    words,
  );
  return { code, out, err };
}
