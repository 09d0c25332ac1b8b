/** Where a command's words go: Apache's text, one JSON document, or a table; progress and colour only on a terminal. */
import { styleText } from "node:util";
import Table from "cli-table3";
import { plainJson } from "./format.ts";

/** The process, as far as mqadmin needs it: a test hands in its own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly environment: (name: string) => string | undefined;
}

export type OutputForm = "text" | "json" | "table";

export class Output {
  readonly form: OutputForm;
  readonly #terminal: Terminal;
  #progressShown = false;
  #missed = false;

  constructor(terminal: Terminal, form: OutputForm) {
    this.#terminal = terminal;
    this.form = form;
  }

  /** A line of Apache's text; nothing in the other forms. */
  print(line: string): void {
    if (this.form !== "text") return;
    this.clearProgress();
    this.#terminal.out(`${line}\n`);
  }

  /** A finished result; nothing as text, which was printed while it came about. */
  emit(value: unknown): void {
    if (this.form === "text" || value === undefined) return;
    this.clearProgress();
    this.#terminal.out(`${this.form === "json" ? plainJson(value, 2) : tableOf(value)}\n`);
  }

  complain(sentence: string): void {
    this.clearProgress();
    if (this.form === "json") this.#terminal.err(`${plainJson({ error: sentence })}\n`);
    else this.#terminal.err(`${this.#styled("red", "mqadmin:")} ${sentence}\n`);
  }

  /** Something went wrong that does not stop the command: on standard error, so that scripts read on. */
  note(sentence: string): void {
    this.clearProgress();
    this.#terminal.err(`${sentence}\n`);
  }

  /** One of several servers did not answer: the command goes on without it, and the exit code says so. */
  missed(fault: Error): void {
    this.#missed = true;
    this.complain(fault.message);
  }

  /** What was printed lacks the words of a server. */
  get isPartial(): boolean {
    return this.#missed;
  }

  /** What takes long says how far it is, on one line that it takes back. */
  progress(text: string): void {
    if (!this.#terminal.errIsTerminal) return;
    this.#terminal.err(`\r\u001b[2K${text}`);
    this.#progressShown = true;
  }

  clearProgress(): void {
    if (!this.#progressShown) return;
    this.#terminal.err("\r\u001b[2K");
    this.#progressShown = false;
  }

  #styled(style: "red", text: string): string {
    return coloured(this.#terminal, this.#terminal.errIsTerminal) ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** NO_COLOR turns colour off, a pipe does so, too. */
export const coloured = (terminal: Terminal, isTerminal: boolean): boolean =>
  isTerminal && (terminal.environment("NO_COLOR") ?? "") === "";

/** A row an element; columns are all keys in the order of their coming, what is nested stands as JSON. Nothing is cut off. */
export function tableOf(value: unknown): string {
  const rows = Array.isArray(value) ? value : value instanceof Map ? rowsOfMap(value as Map<unknown, unknown>) : [value];
  const records = rows.map((each: unknown) => (isRecord(each) ? each : { value: each }));
  const columns = [...new Set(records.flatMap((record) => Object.keys(record)))];
  const table = new Table({ head: columns, style: { head: [], border: [] } });
  for (const record of records) table.push(columns.map((column) => cell(record[column])));
  return table.toString();
}

/** A map of maps, as of configurations by address, has a row for each key of the inner ones. */
const rowsOfMap = (map: Map<unknown, unknown>): Record<string, unknown>[] =>
  [...map].flatMap(([key, value]) =>
    value instanceof Map
      ? [...(value as Map<unknown, unknown>)].map(([inner, each]) => row({ of: key, key: inner }, each))
      : [row({ key }, value)],
  );

const row = (head: Record<string, unknown>, value: unknown): Record<string, unknown> =>
  isRecord(value) ? { ...head, ...value } : { ...head, value };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map) && !(value instanceof Set);

const cell = (value: unknown): string =>
  value === undefined || value === null ? "" : typeof value === "object" ? plainJson(value) : String(value as string | number);
