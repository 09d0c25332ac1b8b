#!/usr/bin/env node
/** `mqadmin`: Apache's administration tool. `mqadmin/declaration.ts` says what a command is, `mqadmin/run.ts` runs one. */
import process from "node:process";
import { hostRuntime } from "./host.ts";
import { commands } from "./mqadmin/commands.ts";
import { runMqadmin } from "./mqadmin/run.ts";

const runtime = await hostRuntime();
// A reader that leaves (`| head`) is no fault of ours.
process.stdout.on("error", () => process.exit(0));
// Timers of the runtime keep no process alive: a command that repeats would end in its pause.
const alive = setInterval(() => {}, 2 ** 30);
process.exitCode = await runMqadmin(
  {
    runtime,
    commands,
    terminal: {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      outIsTerminal: process.stdout.isTTY === true,
      errIsTerminal: process.stderr.isTTY === true,
      environment: (name) => process.env[name],
    },
  },
  process.argv.slice(2),
);
clearInterval(alive);
