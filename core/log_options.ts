/** The key for the log of a server's process; the library writes to whatever log it is given. EdgeMQ's own. */
import { choice } from "./config.ts";

export const LOG_LEVELS = ["DEFAULT", "ERROR", "WARN", "INFO", "DEBUG"] as const;

export const logOptions = {
  logLevel: choice(
    LOG_LEVELS,
    "DEFAULT",
    "live",
    "Least level of log lines; DEFAULT is the one of --log-level, which is info unless given. EdgeMQ's own key.",
  ),
} as const;

export interface LogSettings {
  /** Least level of log lines, now. */
  readonly logLevel: (typeof LOG_LEVELS)[number];
}
