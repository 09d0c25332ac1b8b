/** Completion for bash, zsh and fish, made from the declarations; a script knows the commands of its day. */
import type { Command } from "./declaration.ts";
import { rowsOf } from "./parse.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** The script for one shell. @param names of commands that have no declaration: help, completion */
export function completionScript(shell: Shell, commands: readonly Command[], names: readonly string[]): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](commands, names);
}

const wordsOf = (command: Command): string[] =>
  rowsOf(command).flatMap(({ short, name }) => [...(short === undefined ? [] : [`-${short}`]), `--${name}`]);

function bashScript(commands: readonly Command[], names: readonly string[]): string {
  const all = [...names, ...commands.map(({ name }) => name)].join(" ");
  const cases = commands.map((command) => `    ${command.name}) words="${wordsOf(command).join(" ")}" ;;`);
  return `# mqadmin for bash: eval "$(mqadmin completion bash)"
_mqadmin() {
  local words=""
  if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "\${COMP_WORDS[1]}" = help ]; }; then
    COMPREPLY=($(compgen -W "${all}" -- "\${COMP_WORDS[COMP_CWORD]}"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
    completion) words="${SHELLS.join(" ")}" ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _mqadmin mqadmin
`;
}

function zshScript(commands: readonly Command[], names: readonly string[]): string {
  const rows = [
    ...names.map((name) => zshQuoted(name)),
    ...commands.map((each) => zshQuoted(`${each.name}:${each.description}`)),
  ];
  const cases = commands.map((command) => {
    const options = rowsOf(command).flatMap(({ short, name, doc, kind }) => {
      const tail = `[${doc.replace(/[[\]\\]/g, "\\$&").replaceAll(":", "\\:")}]${kind === "flag" ? "" : `:${name}:_files`}`;
      return [...(short === undefined ? [] : [zshQuoted(`-${short}${tail}`)]), zshQuoted(`--${name}${tail}`)];
    });
    return `    ${command.name}) _arguments -S ${options.join(" ")} ;;`;
  });
  return `#compdef mqadmin
# mqadmin for zsh: eval "$(mqadmin completion zsh)", behind compinit
_mqadmin() {
  local -a commands
  commands=(${rows.join(" ")})
  if (( CURRENT == 2 )) || { (( CURRENT == 3 )) && [[ $words[2] == help ]]; }; then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
    completion) _values shell ${SHELLS.join(" ")} ;;
${cases.join("\n")}
  esac
}
compdef _mqadmin mqadmin
`;
}

const zshQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function fishScript(commands: readonly Command[], names: readonly string[]): string {
  const first = "not __fish_seen_subcommand_from $__mqadmin_commands";
  const lines = commands.flatMap((command) => [
    `complete -c mqadmin -f -n "${first}" -a ${command.name} -d ${fishQuoted(command.description)}`,
    ...rowsOf(command).map(({ short, name, doc, kind }) => {
      const dash = short === undefined ? "" : ` -${short.length === 1 ? "s" : "o"} ${short}`;
      const value = kind === "flag" ? "" : " -r";
      return `complete -c mqadmin -n "__fish_seen_subcommand_from ${command.name}"${dash} -l ${name}${value} -d ${fishQuoted(doc)}`;
    }),
  ]);
  return `# mqadmin for fish: mqadmin completion fish | source
set -g __mqadmin_commands ${[...names, ...commands.map(({ name }) => name)].join(" ")}
complete -c mqadmin -f -n "${first}" -a "${names.join(" ")}"
complete -c mqadmin -f -n "__fish_seen_subcommand_from help" -a "$__mqadmin_commands"
complete -c mqadmin -f -n "__fish_seen_subcommand_from completion" -a "${SHELLS.join(" ")}"
${lines.join("\n")}
`;
}

const fishQuoted = (text: string): string => `'${text.replace(/['\\]/g, "\\$&")}'`;
