/**
 * A port mapping, as a program: passes TCP connections on. What it connects to sees its own address as the client's, as
 * behind a masquerading NAT.
 *
 *     relay.ts LISTEN_HOST LISTEN_PORT TARGET_HOST TARGET_PORT
 */
import { connect, createServer } from "node:net";
import process from "node:process";

const [host, port, targetHost, targetPort] = process.argv.slice(2);
createServer((inner) => {
  const outer = connect(Number(targetPort), targetHost);
  inner.pipe(outer).pipe(inner);
  inner.on("error", () => outer.destroy());
  outer.on("error", () => inner.destroy());
}).listen(Number(port), host, () => console.log("relay ready"));
