/** Which producers are connected, by group: for check-backs, replies and producerConnection. They come and go as consumers do. */
import { endpointText } from "../../remoting/connection.ts";
import type { Peer } from "../../remoting/processor.ts";
import type { Clock, Log, TimerHandle } from "../../runtime.ts";
import type { ClientChannel, Producers } from "../parts.ts";
import type { ClientIdentity } from "./consumers.ts";

const SCAN_INTERVAL_MS = 10_000;
/** Silence after which a producer's connection is closed; consumers have a key of their own (channelExpiredTimeout). */
const PRODUCER_EXPIRED_MS = 120_000;

export class ProducerManager implements Producers {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #groups = new Map<string, Map<Peer, ClientChannel>>();
  readonly #byClientId = new Map<string, ClientChannel>();
  readonly #groupsOfPeer = new Map<Peer, Set<string>>();
  readonly #watchedPeers = new WeakSet<Peer>();
  #turn = 0;
  #timer: TimerHandle | undefined;

  constructor(parts: { clock: Clock; log: Log }) {
    this.#clock = parts.clock;
    this.#log = parts.log;
  }

  start(): void {
    this.#timer = this.#clock.setInterval(() => this.#expire(), SCAN_INTERVAL_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  register(group: string, client: ClientIdentity): void {
    if (client.peer.closed) return;
    let channels = this.#groups.get(group);
    if (channels === undefined) {
      channels = new Map();
      this.#groups.set(group, channels);
    }
    const channel: ClientChannel = { ...client, lastSeenAt: this.#clock.monotonic() };
    const isNew = !channels.has(client.peer);
    channels.set(client.peer, channel);
    this.#byClientId.set(client.clientId, channel);
    if (!isNew) return;
    this.#log.info("new producer connected", { group, clientId: client.clientId, remote: endpointText(client.peer.remote) });
    const groups = this.#groupsOfPeer.get(client.peer) ?? new Set();
    this.#groupsOfPeer.set(client.peer, groups.add(group));
    if (this.#watchedPeers.has(client.peer)) return;
    this.#watchedPeers.add(client.peer);
    client.peer.onClose(() => this.#gone(client.peer));
  }

  unregister(group: string, peer: Peer): void {
    const groups = this.#groupsOfPeer.get(peer);
    groups?.delete(group);
    if (groups?.size === 0) this.#groupsOfPeer.delete(peer);
    this.#remove(group, peer);
  }

  channels(group: string): ClientChannel[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  /** Takes turns, so that check-backs spread over the producers of a group. */
  anyChannel(group: string): ClientChannel | undefined {
    const live = this.channels(group).filter((channel) => !channel.peer.closed);
    this.#turn = (this.#turn + 1) % Number.MAX_SAFE_INTEGER;
    return live[this.#turn % live.length];
  }

  byClientId(clientId: string): ClientChannel | undefined {
    return this.#byClientId.get(clientId);
  }

  groups(): Iterable<string> {
    return this.#groups.keys();
  }

  #gone(peer: Peer): void {
    const groups = this.#groupsOfPeer.get(peer) ?? [];
    this.#groupsOfPeer.delete(peer);
    for (const group of groups) this.#remove(group, peer);
  }

  #remove(group: string, peer: Peer): void {
    const channels = this.#groups.get(group);
    const channel = channels?.get(peer);
    if (channels === undefined || channel === undefined) return;
    channels.delete(peer);
    if (channels.size === 0) this.#groups.delete(group);
    if (this.#byClientId.get(channel.clientId)?.peer === peer && !this.#groupsOfPeer.has(peer)) {
      this.#byClientId.delete(channel.clientId);
    }
    this.#log.info("producer left", { group, clientId: channel.clientId, remote: endpointText(peer.remote) });
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    for (const [group, channels] of this.#groups) {
      for (const [peer, channel] of channels) {
        if (now - channel.lastSeenAt <= PRODUCER_EXPIRED_MS) continue;
        this.unregister(group, peer);
        peer.close();
      }
    }
  }
}
