/** A log on the process's standard output and error: one line a fact, `2026-01-31T08:15:00.123Z INFO  message key=value`. */
import process from "node:process";
import type { Log, LogFields } from "../../core/runtime.ts";

export type LogLevel = "error" | "warn" | "info" | "debug";

export interface ConsoleLogOptions {
  /** The least level that is written; default `info`. A function is asked at each line. */
  readonly level?: LogLevel | (() => LogLevel);
  /** Takes a finished line, without the line feed. Default: standard output; warnings and errors to standard error. */
  readonly write?: (line: string, level: LogLevel) => void;
  /** Wall clock in ms since 1970. Default: the host's. */
  readonly now?: () => number;
}

const RANK: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 };
const LABEL: Readonly<Record<LogLevel, string>> = { error: "ERROR", warn: "WARN ", info: "INFO ", debug: "DEBUG" };

export function consoleLog(options: ConsoleLogOptions = {}): Log {
  const { level: least = "info" } = options;
  const write = options.write ?? writeToProcess;
  const now = options.now ?? Date.now;
  const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (RANK[level] > RANK[typeof least === "function" ? least() : least]) return;
    write(`${new Date(now()).toISOString()} ${LABEL[level]} ${oneLine(message)}${formatFields(fields)}`, level);
  };
  return { error: at("error"), warn: at("warn"), info: at("info"), debug: at("debug") };
}

/** Drops everything. */
export const silentLog: Log = { error() {}, warn() {}, info() {}, debug() {} };

function writeToProcess(line: string, level: LogLevel): void {
  (level === "error" || level === "warn" ? process.stderr : process.stdout).write(line + "\n");
}

function formatFields(fields: LogFields | undefined): string {
  let text = "";
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) text += ` ${key}=${typeof value === "string" ? quoted(value) : value}`;
  }
  return text;
}

/** Bare when it reads as one word; JSON otherwise, so that a client's bytes cannot forge a line or a field. */
function quoted(value: string): string {
  return /^[\w.:/@%+,-]+$/.test(value) ? value : oneLine(JSON.stringify(value));
}

/** Control characters and Unicode's line separators, escaped. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
