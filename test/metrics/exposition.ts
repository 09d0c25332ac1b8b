/** Reads the Prometheus text form, for tests. */
import { readFileSync } from "node:fs";

export interface ExposedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly samples: readonly ExposedSample[];
  /** Type, label names and bounds seen, by name. */
  readonly metrics: ReadonlyMap<string, { readonly type: string; readonly labels: Set<string>; readonly bounds: Set<string> }>;
  /** The only sample of that name that has these labels. @throws Error when it is not one */
  readonly value: (name: string, labels?: Readonly<Record<string, string>>) => number;
}

/** @throws Error naming the line that can't be read. */
export function exposition(text: string): Exposition {
  const metrics = new Map<string, { type: string; labels: Set<string>; bounds: Set<string> }>();
  const samples: ExposedSample[] = [];
  for (const line of text.split("\n")) {
    const typed = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (typed) metrics.set(typed[1] as string, { type: typed[2] as string, labels: new Set(), bounds: new Set() });
    if (line === "" || line.startsWith("#")) continue;
    const sample = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!sample) throw new Error(`no line of the Prometheus form: ${line}`);
    const [, name = "", inner = "", value = ""] = sample;
    const labels: Record<string, string> = Object.fromEntries(
      [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = "", text = ""]) => [key, text]),
    );
    samples.push({ name, labels, value: Number(value) });
    const metric = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
    if (metric === undefined) throw new Error(`a sample without # TYPE: ${line}`);
    for (const [key, text] of Object.entries(labels)) {
      metric.labels.add(key);
      if (key === "le") metric.bounds.add(text ?? "");
    }
  }
  return {
    metrics,
    samples,
    value(name, wanted = {}) {
      const found = samples.filter(
        (sample) => sample.name === name && Object.entries(wanted).every(([key, value]) => sample.labels[key] === value),
      );
      if (found.length !== 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(wanted)}`);
      return found[0]?.value as number;
    },
  };
}

/** Type, label names (sorted, joined by commas) and bounds of Apache 5.5.0's metrics, by name: `golden/apache_5_5_0.tsv`. */
export function apacheMetrics(): Map<
  string,
  { readonly type: string; readonly labels: string; readonly bounds: readonly string[] }
> {
  const lines = readFileSync(new URL("golden/apache_5_5_0.tsv", import.meta.url), "utf8").split("\n");
  return new Map(
    lines
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => {
        const [name = "", type = "", labels = "", bounds = ""] = line.split("\t");
        return [
          name,
          {
            type,
            labels,
            bounds: bounds
              .replace("le=", "")
              .split(" ")
              .filter((bound) => bound !== ""),
          },
        ];
      }),
  );
}
