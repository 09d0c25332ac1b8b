#!/bin/sh
# Before a load: what the load before left dirty is put on the disk, and the machine gets memory for the pages that this load will
# write. A small virtual machine lends its free memory back to its host; to get a page of 4 KiB again took 8 us here (2 us a KiB
# of log) where a page that is there takes 0.3. Without this, who runs after a pause pays for it, and batches took 3 or 6 us of
# CPU a message by chance. The memory is that of a file in memory, filled, and cut shorter while the load runs: what is free for
# some ten seconds the host has again, and of 6 GiB given back at once a load found 3.
#
#     sh bench/pages.sh [MiB, default 6144; never more than a third of what is free]
set -u
sync
available=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 3) }' /proc/meminfo)
mib=${1:-6144}
[ "$mib" -gt "$available" ] && mib=$available
file=/dev/shm/edgemq-bench-pages.$$
dd if=/dev/zero of="$file" bs=1M count="$mib" 2>/dev/null || echo "pages: /dev/shm has no room for $mib MiB: figures will differ by chance" >&2
# A gigabyte now, for the begin of the load, and what it may take in each second that follows.
mib=$((mib - 1024))
[ "$mib" -gt 0 ] && truncate -s "${mib}M" "$file"
(
  trap 'rm -f "$file"' EXIT
  while [ "$mib" -gt 0 ]; do
    sleep 1
    mib=$((mib - 256))
    [ "$mib" -gt 0 ] && truncate -s "${mib}M" "$file"
  done
) >/dev/null 2>&1 &
