/** A source without its comments and without the content of its strings: what the source rules look at. */
export interface Code {
  readonly text: string;
  /** As many as the text has, with blanks where comments, strings and regular expressions were. */
  readonly lines: readonly string[];
}

/** What can stand before a regular expression, and not before a division. */
const BEFORE_PATTERN = /(?:[=([{,;:!&|?+\-*%<>~^]|\b(?:return|typeof|case|in|of|void|yield|await)|^)\s*$/;

export function codeOnly(text: string): Code {
  let code = "";
  /** Braces that are open inside each `${`. */
  const inTemplate: number[] = [];
  let at = 0;

  const blank = (end: number) => {
    code += text.slice(at, end).replace(/[^\n]/g, " ");
    at = end;
  };
  /** Keeps the quotes. */
  const literal = (end: number) => {
    code += text[at]!;
    at++;
    blank(Math.max(at, end - 1));
    if (at < end) code += text[at++]!;
  };
  /** From inside a template to its end, or to the next `${`. */
  const template = () => {
    const end = endOf(text, at, /\\.|\$\{|`/sy, ["`", "${"]);
    blank(end);
    if (text.startsWith("${", end - 2)) inTemplate.push(0);
  };

  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const one = text[at]!;
    if (two === "//") blank(indexOrEnd(text, "\n", at));
    else if (two === "/*") blank(indexOrEnd(text, "*/", at + 2) + 2);
    else if (one === '"' || one === "'") literal(endOf(text, at + 1, /\\.|["'\n]/sy, [one, "\n"]));
    else if (one === "/" && BEFORE_PATTERN.test(code.slice(-200))) literal(endOfPattern(text, at + 1));
    else if (one === "`") {
      code += one;
      at++;
      template();
    } else {
      const depth = inTemplate.length - 1;
      if (one === "{" && depth >= 0) inTemplate[depth]!++;
      if (one === "}" && depth >= 0 && inTemplate[depth]!-- === 0) {
        inTemplate.pop();
        code += " ";
        at++;
        template();
        continue;
      }
      code += one;
      at++;
    }
  }
  return { text, lines: code.slice(0, text.length).split("\n") };
}

/** The place behind the first of `stops`; `step` skips what is escaped. */
function endOf(text: string, from: number, step: RegExp, stops: readonly string[]): number {
  for (let at = from; at < text.length; at++) {
    step.lastIndex = at;
    const found = step.exec(text)?.[0];
    if (found === undefined) continue;
    at += found.length - 1;
    if (stops.includes(found)) return at + 1;
  }
  return text.length;
}

function endOfPattern(text: string, from: number): number {
  let inClass = false;
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    if (c === "\\") at++;
    else if (c === "[") inClass = true;
    else if (c === "]") inClass = false;
    else if (c === "\n" || (c === "/" && !inClass)) return at + 1;
  }
  return text.length;
}

function indexOrEnd(text: string, what: string, from: number): number {
  const at = text.indexOf(what, from);
  return at < 0 ? text.length : at;
}
