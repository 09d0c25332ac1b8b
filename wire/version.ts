/**
 * Version ordinals: for each release X.Y.Z Apache counts a snapshot, then the release. A peer's behaviour is chosen by
 * comparing with these; the first release with a behaviour is its constant.
 */
export const V3_0_7_SNAPSHOT = 28;
/** From here on a client can be asked for its running info and to consume one message directly. */
export const V3_1_8_SNAPSHOT = 62;
/** From here on a retried message says how often it may be retried. */
export const V3_4_9 = 121;
/** Up to here the signature leaves out `_UNIQUE_KEY_QUERY`. */
export const V4_9_3 = 399;
/** From here on a client reads routes as strict JSON. */
export const V4_9_4 = 401;
export const V5_0_0 = 413;
export const V5_3_1 = 475;
/** What we say we are. */
export const VERSION_CURRENT = 513;
export const VERSION_CURRENT_NAME = "V5_5_0";

/** The first whose digits follow from its ordinal; before it Apache's list leaves some out. */
const V3_9_1_SNAPSHOT = 194;
const HIGHER_VERSION = 612;

/** Apache's name of a version, `V5_5_0` or `V5_5_1_SNAPSHOT`; versions before 3.9.1 are named by their ordinal, `V#153`. */
export function versionDesc(ordinal: number): string {
  if (ordinal >= HIGHER_VERSION) return "HIGHER_VERSION";
  if (ordinal < V3_9_1_SNAPSHOT) return `V#${ordinal}`;
  const isRelease = ordinal % 2 === 1;
  const number = 500 + (ordinal - V5_0_0 - (isRelease ? 0 : -1)) / 2;
  return `V${String(number).split("").join("_")}${isRelease ? "" : "_SNAPSHOT"}`;
}
