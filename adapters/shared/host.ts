/** What Bun, Deno and Node have in common, and the parts that each has of its own. */
import type { Net, Runtime } from "../../core/runtime.ts";
import { HostClock } from "./clock.ts";
import { hostCompression } from "./compression.ts";
import { hostDigest, hostRandom } from "./digest.ts";
import { hostDns } from "./dns.ts";
import { HostFiles, type PageCache, type TryLock } from "./files.ts";
import { hostHttp } from "./http.ts";
import { hostHttpClient } from "./http_client.ts";
import { hostSystem } from "./system.ts";
import { hostThreads } from "./threads.ts";
import { hostTls } from "./tls.ts";

export const hostRuntime = (
  name: Runtime["name"],
  net: Net,
  tryLock: TryLock,
  pageCache?: PageCache,
  clock = new HostClock(),
): Runtime => ({
  name,
  net,
  files: new HostFiles(tryLock, pageCache),
  clock,
  random: hostRandom,
  digest: hostDigest,
  compression: hostCompression,
  system: hostSystem,
  dns: hostDns,
  tls: hostTls,
  http: hostHttp,
  httpClient: hostHttpClient,
  threads: hostThreads,
});
