/**
 * What a SQL92 filter costs a message: the expression and the messages of the `sql` scenario, shown as a pull shows them. Asked
 * for is less than 1,000 ns of CPU. Prints each turn by itself: in the first ones the code is still being compiled, and what
 * else the machine does shows, so the least of all is the filter's.
 *
 *     bun bench/filter.ts [turns] [messages a turn]
 */
import process from "node:process";
import { passes } from "../core/broker/filters/passes.ts";
import { SqlFilter } from "../core/filter/sql_filter.ts";
import { message } from "../test/store/support.ts";
import { type RecordInput, recordSizeBound, writeRecord } from "../wire/message.ts";
import { formatProperties } from "../wire/properties.ts";

const [turns = 12, messages = 100_000] = process.argv.slice(2).map(Number);
const EXPRESSION = "price > 10.5 AND name IS NOT NULL AND kind <> 'refund' AND region IN ('eu', 'us') AND grade = 3";
const DIFFERENT = 5_000;

/** As `bench/java/src/edgemq/bench/LoadGenerator.java` sends them, in the order of Java's HashMap. */
function record(n: number): RecordInput {
  const properties = new Map([
    ["price", `${20 + (n % 1_000)}.25`],
    ["grade", String(Math.floor(n / 2) % 5)],
    ["UNIQ_KEY", `7F0000010A1B2C3D4E5F${String(n).padStart(12, "0")}`],
    ["name", `customer-${n}`],
    ["kind", n % 3 === 0 ? "order" : "offer"],
    ["WAIT", "true"],
    ["region", n % 2 === 0 ? "eu" : "asia"],
    ["CLUSTER", "DefaultCluster"],
  ]);
  const body = new Uint8Array(1_024);
  return message({ topic: "bench_sql", queueId: n % 8, body, properties: formatProperties(properties) });
}

const inputs = Array.from({ length: DIFFERENT }, (_, n) => record(n));
const bytes = new Uint8Array(inputs.reduce((sum, input) => sum + recordSizeBound(input), 0));
const starts: number[] = [];
let end = 0;
for (const [n, input] of inputs.entries()) {
  starts.push(end);
  end += writeRecord(bytes, end, input, { queueOffset: n, physicalOffset: end, storeTimestamp: 1_700_000_000_000, bodyCrc: 0 });
}

const matches = passes(new SqlFilter(EXPRESSION));
for (let turn = 0; turn < turns; turn++) {
  const before = process.cpuUsage();
  let passed = 0;
  for (let i = 0; i < messages; i++) if (matches(bytes, starts[i % DIFFERENT] as number)) passed++;
  const { user, system } = process.cpuUsage(before);
  console.log(`${(((user + system) * 1_000) / messages).toFixed(0)} ns a message; ${passed} of ${messages} passed`);
}
