/** `name:value,name:value`, the text of metricsLabel. */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Undefined when the text is none: a pair without colon, or a name that is no label's. Blank is no labels. */
export function parseLabels(text: string): Readonly<Record<string, string>> | undefined {
  const labels: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const [name = "", value, ...more] = pair.split(":").map((part) => part.trim());
    if (!NAME.test(name) || value === undefined || more.length > 0) return undefined;
    labels[name] = value;
  }
  return labels;
}

/** Names of HTTP headers hold more than labels may. Undefined when the text is none. */
export function parseHeaders(text: string): Readonly<Record<string, string>> | undefined {
  const headers: Record<string, string> = {};
  for (const pair of text.split(",")) {
    if (pair.trim() === "") continue;
    const colon = pair.indexOf(":");
    const name = pair.slice(0, colon).trim();
    if (colon < 1 || !/^[A-Za-z0-9_.-]+$/.test(name)) return undefined;
    headers[name.toLowerCase()] = pair.slice(colon + 1).trim();
  }
  return headers;
}
