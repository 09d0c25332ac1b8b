#!/usr/bin/env node
/** `mqadmin`: Apache's administration tool. `mqadmin/declaration.ts` says what a command is, `mqadmin/run.ts` runs one. */
import process from "node:process";
import { hostRuntime } from "./host.ts";
import { commands } from "./mqadmin/commands.ts";
import { runMqadmin } from "./mqadmin/run.ts";

const runtime = await hostRuntime();
// A reader that leaves (`| head`) is no fault of ours.
process.stdout.on("error", () => process.exit(0));
process.exitCode = await runMqadmin(
  {
    runtime,
    commands,
    terminal: {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      outIsTerminal: process.stdout.isTTY === true,
      errIsTerminal: process.stderr.isTTY === true,
      environment: (name) => runtime.system.environment(name),
    },
  },
  process.argv.slice(2),
);
