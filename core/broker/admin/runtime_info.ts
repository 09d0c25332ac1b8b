/** The table of GET_BROKER_RUNTIME_INFO, Apache's keys and forms: what clusterList, brokerStatus and dashboards read. */
import type { Lane } from "../../../wire/requests.ts";
import { VERSION_CURRENT, VERSION_CURRENT_NAME } from "../../../wire/version.ts";
import { SCHEDULE_TOPIC } from "../metadata/topics_validator.ts";
import type { RateName } from "../stats.ts";
import type { AdminParts } from "./admin_parts.ts";

/** Lanes under the names that Apache's thread pools have. */
const POOLS: readonly [name: string, lane: Lane][] = [
  ["send", "send"],
  ["pull", "pull"],
  ["litePull", "litePull"],
  ["query", "query"],
  ["ack", "ack"],
];

const INT_MAX = 2 ** 31 - 1;

export function runtimeInfo(parts: AdminParts): Map<string, string> {
  const table = new Map<string, string>();
  const put = (key: string, value: string | number | boolean) => table.set(key, String(value));
  putBroker(parts, put);
  putMessages(parts, put);
  putStore(parts, put);
  putPools(parts, put);
  return table;
}

type Put = (key: string, value: string | number | boolean) => void;

function putBroker({ runtime, settings, timer, bootTimestamp, bootMonotonicMs }: AdminParts, put: Put): void {
  put("bootTimestamp", bootTimestamp);
  put("runtime", durationText(runtime.clock.monotonic() - bootMonotonicMs));
  put("brokerActive", true);
  put("brokerVersionDesc", VERSION_CURRENT_NAME);
  put("brokerVersion", VERSION_CURRENT);
  put("startAcceptSendRequestTimeStamp", settings.startAcceptSendRequestTimeStamp);
  const behind = timer.state();
  put("timerReadBehind", Math.floor(behind.dequeueBehindMs / 1000));
  put("timerOffsetBehind", behind.enqueueBehind);
  put("timerCongestNum", behind.waiting);
  put("timerEnqueueTps", doubleText(Math.round(behind.enqueueTps)));
  put("timerDequeueTps", doubleText(Math.round(behind.dequeueTps)));
}

function putMessages({ stats, store, schedule }: AdminParts, put: Put): void {
  const rate = (key: string, name: RateName) => put(key, stats.rates(name).map(doubleText).join(" "));
  rate("putTps", "put");
  rate("getFoundTps", "found");
  rate("getMissTps", "missed");
  rate("getTotalTps", "total");
  rate("getTransferredTps", "transferred");
  const { put: puts, got } = stats.totals();
  for (const [index, day] of ["YesterdayMorning", "TodayMorning", "TodayNow"].entries()) {
    put(`msgPutTotal${day}`, puts[index] as number);
    put(`msgGetTotal${day}`, got[index] as number);
  }
  const { putCount, putBytes, putFailedCount, putEntireTimeMaxMs } = store.stats();
  put("putMessageTimesTotal", putCount);
  put("putMessageFailedTimes", putFailedCount);
  put("putMessageSizeTotal", putBytes);
  put("putMessageAverageSize", doubleText(putCount === 0 ? 0 : putBytes / putCount));
  put("putMessageEntireTimeMax", Math.round(putEntireTimeMaxMs));
  put("putMessageDistributeTime", stats.putTimesText());
  put("putLatency99", stats.putTimePercentile(0.99).toFixed(2));
  put("putLatency999", stats.putTimePercentile(0.999).toFixed(2));
  put("getMessageEntireTimeMax", 0);
  for (const [level, offset] of schedule.offsets) {
    put(`scheduleMessageOffset_${level}`, `${offset},${store.maxOffset({ topic: SCHEDULE_TOPIC, queueId: level - 1 })}`);
  }
}

function putStore({ store, settings, runtime, expired }: AdminParts, put: Put): void {
  const stats = store.stats();
  put("commitLogMinOffset", stats.minPhysicalOffset);
  put("commitLogMaxOffset", stats.maxPhysicalOffset);
  // Not in Apache, which cuts the log at the first bad record.
  put("lostStretches", stats.lostStretchCount);
  put("lostBytes", stats.lostBytes);
  put("lostQueueOffsets", stats.lostQueueOffsetCount);
  put("unreadableRecords", stats.unreadableRecordCount);
  put("commitLogDiskRatio", doubleText(stats.commitLogDiskPercent / 100));
  for (const { path, percent } of stats.commitLogDisks) put(`commitLogDiskRatio_${path}`, doubleText(percent / 100));
  put("consumeQueueDiskRatio", doubleText(stats.consumeQueueDiskPercent / 100));
  put("dispatchBehindBytes", stats.dispatchBehindBytes);
  put("dispatchMaxBuffer", 0);
  // How long the tail of the log has been busy; an append itself never waits here.
  put("pageCacheLockTimeMills", Math.round(stats.putEntireTimeMaxMs));
  put("earliestMessageTimeStamp", stats.earliestStoreTimestamp);
  // What Apache says where there is no such pool.
  put("remainTransientStoreBufferNumbs", INT_MAX);
  put("remainHowManyDataToFlush", bytesText(stats.maxPhysicalOffset - stats.flushedOffset));
  // Ours: what a power cut could take with ASYNC_FLUSH.
  put("flushDelayMaxMs", Math.round(stats.flushDelayMaxMs));
  put("flushLateTimes", stats.flushLateCount);
  put("unsyncedMaxMs", Math.round(stats.unsyncedMaxMs));
  put("expiredUnconsumedMessages", expired.unconsumedCount);
  const { totalBytes, freeBytes } = runtime.files.diskSpace(settings.storePathRootDir);
  put("commitLogDirCapacity", `Total : ${bytesText(totalBytes)}, Free : ${bytesText(freeBytes)}.`);
}

function putPools({ admission }: AdminParts, put: Put): void {
  const lanes = admission();
  const capacity = (lane: Lane) => Math.min(lanes.limit(lane), INT_MAX);
  for (const [name, lane] of POOLS) {
    put(`${name}ThreadPoolQueueSize`, lanes.underWay(lane));
    put(`${name}ThreadPoolQueueCapacity`, capacity(lane));
    // A request begins in the turn in which it arrives.
    put(`${name}ThreadPoolQueueHeadWaitTimeMills`, 0);
  }
  put("EndTransactionQueueSize", lanes.underWay("endTransaction"));
  put("EndTransactionThreadPoolQueueCapacity", capacity("endTransaction"));
}

/** `[ 0 days, 1 hours, 2 minutes, 3 seconds ]` */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = Math.floor(seconds / 60) % 60;
  return `[ ${days} days, ${hours} hours, ${minutes} minutes, ${seconds % 60} seconds ]`;
}

/** `1023 B`, `1.5 KiB`, `1.9 TiB` */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${Math.max(0, bytes)} B`;
  const power = Math.min(6, Math.floor(Math.log(bytes) / Math.log(1024)));
  return `${(bytes / 1024 ** power).toFixed(1)} ${"KMGTPE"[power - 1]}iB`;
}

/** As Java prints a double of ordinary size: `0.0`, `12.5`. */
const doubleText = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
