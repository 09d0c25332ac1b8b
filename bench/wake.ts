/**
 * How soon a held pull is answered after a message is appended. Run as a program of its own:
 * `wake.ts <broker port> <rounds>` prints one line of JSON.
 *
 * The time is taken from the moment the send is written to the moment the pull's answer is here, so it includes the way
 * of the request to the broker: an upper bound of append to wake.
 */
import { RawClient } from "./raw_client.ts";

/** Long enough that a pull is surely held when the message comes, short enough for hundreds of rounds. */
const heldForMs = 5;

const topic = "bench_wake";
const [port, rounds] = process.argv.slice(2).map(Number) as [number, number];
const consumer = await RawClient.connect("127.0.0.1", port);
const producer = await RawClient.connect("127.0.0.1", port);
const body = new Uint8Array(1024).fill(97);

const first = await producer.send(topic, 0, body);
if (first.code !== 0) throw new Error(`The broker refused a message to ${topic}: code ${first.code}, ${first.remark}`);
let offset = Number(first.extFields["queueOffset"]) + 1;
const samples: number[] = [];
for (let round = 0; round < rounds; round++) {
  const held = consumer.pull(topic, 0, offset, 15_000);
  await new Promise((resolve) => setTimeout(resolve, heldForMs));
  const sentAtMs = performance.now();
  const [pulled, sent] = await Promise.all([held, producer.send(topic, 0, body)]);
  if (sent.code !== 0) throw new Error(`The broker refused a message to ${topic}: code ${sent.code}, ${sent.remark}`);
  if (pulled.code === 0) {
    samples.push(pulled.atMs - sentAtMs);
    offset = Number(pulled.extFields["nextBeginOffset"]);
  } else if (pulled.code !== 19 && pulled.code !== 20) {
    throw new Error(`The held pull of ${topic} was answered with code ${pulled.code}: ${pulled.remark}`);
  }
}
samples.sort((a, b) => a - b);
const at = (part: number): number => samples[Math.min(samples.length - 1, Math.floor(samples.length * part))] ?? Number.NaN;
console.log(JSON.stringify({ scenario: "wake", samples: samples.length, p50Ms: at(0.5), p99Ms: at(0.99) }));
process.exit(0);
