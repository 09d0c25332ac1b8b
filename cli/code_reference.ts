/** docs/codes.md: every request code, who answers it, and what stays unanswered; made from the table in wire/requests.ts. */
import { REQUESTS, type RequestRow, type Role } from "../wire/requests.ts";

const ROLE_NAMES: Readonly<Record<Role, string>> = {
  broker: "broker",
  namesrv: "nameserver",
  controller: "controller",
  client: "client",
};

const INTRODUCTION = `# Request codes

<!-- Made by \`npm run docs\` from wire/requests.ts: change that. -->

All codes of Apache RocketMQ 5.5.0. A code that nobody answers yet gets REQUEST_CODE_NOT_SUPPORTED (3) with a remark that
names it. In the binary header (\`ROCKETMQ\`) codes above 32767 have no room: our own requests with them go as JSON; a Java
client with \`rocketmq.serialize.type=ROCKETMQ\` cuts them to 16 bits and so can't use POP, here or on Apache.
`;

export function codeReference(): string {
  const rows = Object.entries(REQUESTS)
    .map(([name, row]): [string, RequestRow] => [name, row])
    .sort(([, a], [, b]) => a.code - b.code);
  const answered = rows.filter(([, row]) => row.servedBy.length > 0);
  const later = rows.filter(([, row]) => row.servedBy.length === 0 && (row.planned?.length ?? 0) > 0);
  const never = rows.filter(([, row]) => row.servedBy.length === 0 && (row.planned?.length ?? 0) === 0);
  return [
    INTRODUCTION,
    section("Answered", "VIP port: whether the port two below listenPort answers it too.", answered, "servedBy"),
    section("Not answered yet", "", later, "planned"),
    section("Answered by nobody, in Apache RocketMQ 5.5.0 neither", "", never, undefined),
  ].join("\n");
}

/** `by`: the column of roles; only what is answered has a VIP port to be answered on. */
function section(title: string, note: string, rows: [string, RequestRow][], by: "servedBy" | "planned" | undefined): string {
  const columns = ["code", "name", ...(by === undefined ? [] : ["by"]), ...(by === "servedBy" ? ["VIP port"] : [])];
  const lines = rows.map(([name, row]) => {
    const roles = by === undefined ? [] : (row[by] ?? []);
    const vip = roles.includes("broker") && row.fastPort !== false ? "yes" : "";
    const cells = [String(row.code), name, roles.map((role) => ROLE_NAMES[role]).join(", "), vip];
    return `| ${cells.slice(0, columns.length).join(" | ")} |`;
  });
  const head = [`| ${columns.join(" | ")} |`, `|---:|${"---|".repeat(columns.length - 1)}`];
  return [`## ${title} (${rows.length})`, "", ...(note === "" ? [] : [note, ""]), ...head, ...lines, ""].join("\n");
}
