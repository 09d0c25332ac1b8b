/** DataVersion: how a nameserver or a slave sees that topics or groups changed. */
import type { DataVersion } from "../../../wire/bodies/topic.ts";

/** The version after a change at `now` (ms since 1970). */
export const nextVersion = (version: DataVersion, now: number): DataVersion => ({
  stateVersion: version.stateVersion,
  timestamp: now,
  counter: version.counter + 1,
});

/** Equal means: nothing changed in between. */
export const sameVersion = (a: DataVersion | undefined, b: DataVersion): boolean =>
  a !== undefined && a.stateVersion === b.stateVersion && a.timestamp === b.timestamp && a.counter === b.counter;
