/**
 * What the page cache holds: reads of it that never wait for the disk, by `preadv2` with RWF_NOWAIT, and which pages of a file
 * are there, by `mincore`. `node:fs` offers neither. A read off the event loop costs its caller some 15 us, most of it for going
 * to another thread and back; where the bytes are in memory, this one costs 1.4.
 *
 * Linux only, on Bun and Deno, whose FFI can call it. Everywhere else, and for a file system that does not know the flag,
 * nothing is ever found and the caller reads as before.
 */
import process from "node:process";
import type { PagesInMemory } from "../../core/runtime.ts";
import { LIBC_NAMES } from "../lock/libc.ts";
import { NO_PAGE_CACHE, type PageCache } from "../shared/files.ts";

/** What the FFI of a runtime has to provide; addresses are numbers, which hold those of a process (47 bits). */
export interface PageCacheCalls {
  /** -1 on failure. @param vectors an array of one `struct iovec` */
  preadv2(fd: number, vectors: BigUint64Array, count: 1, position: number, flags: number): number;
  addressOf(bytes: Uint8Array): bigint;
  /** Maps a part of a file anywhere; -1 on failure. */
  mmap(length: number, protection: number, flags: number, fd: number, position: number): number;
  munmap(address: number, length: number): number;
  /** A byte a page into `pages`; -1 on failure. */
  mincore(address: number, length: number, pages: Uint8Array): number;
  getpagesize(): number;
}

/** "Return EAGAIN rather than wait for the disk." */
const RWF_NOWAIT = 8;
const PROT_READ = 1;
const MAP_SHARED = 1;

/** @param open loads a C library by name; it throws when that can't be had, or lacks one of the calls, being older than they are */
export function pageCacheWith(open: (name: string) => PageCacheCalls): PageCache {
  let found: PageCache | undefined;
  const cache = (): PageCache => {
    found ??= process.platform === "linux" ? firstThatWorks(open) : NO_PAGE_CACHE;
    return found;
  };
  return {
    read: (fd, target, position) => cache().read(fd, target, position),
    pages: (fd, position, length) => cache().pages(fd, position, length),
  };
}

function firstThatWorks(open: (name: string) => PageCacheCalls): PageCache {
  for (const name of LIBC_NAMES) {
    try {
      const calls = open(name);
      return { read: reader(calls), pages: pagesOf(calls) };
    } catch {
      // The next name; without any, all reads go the usual way.
    }
  }
  return NO_PAGE_CACHE;
}

function reader(calls: PageCacheCalls): PageCache["read"] {
  // struct iovec: where to, and how many bytes.
  const vector = new BigUint64Array(2);
  return (fd, target, position) => {
    if (target.length === 0) return 0;
    vector[0] = calls.addressOf(target);
    vector[1] = BigInt(target.length);
    return calls.preadv2(fd, vector, 1, position, RWF_NOWAIT);
  };
}

/** The part is mapped for as long as it is asked about: that reads none of it. */
function pagesOf(calls: PageCacheCalls): PageCache["pages"] {
  const pageBytes = calls.getpagesize();
  return (fd, position, length): PagesInMemory | undefined => {
    const pages = new Uint8Array(Math.ceil(length / pageBytes));
    if (pages.length === 0) return { pageBytes, pages };
    const address = calls.mmap(length, PROT_READ, MAP_SHARED, fd, position);
    if (address === -1) return undefined;
    const isKnown = calls.mincore(address, length, pages) === 0;
    calls.munmap(address, length);
    return isKnown ? { pageBytes, pages } : undefined;
  };
}
