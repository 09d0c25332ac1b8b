#!/bin/sh
# Before a load: what the load before left dirty is put on the disk, and the machine gets memory for the pages that this load will
# write. A small virtual machine lends its free memory back to its host; to get a page of 4 KiB again took 8 us here (2 us a KiB
# of log) where a page that is there takes 0.3. Without this, who runs after a pause pays for it, and batches took 3 or 6 us of
# CPU a message by chance. The memory is that of a file in memory, filled and removed.
#
#     sh bench/pages.sh [MiB, default 6144; never more than a third of what is free]
set -u
sync
available=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 3) }' /proc/meminfo)
mib=${1:-6144}
[ "$mib" -gt "$available" ] && mib=$available
file=/dev/shm/edgemq-bench-pages.$$
trap 'rm -f "$file"' EXIT
dd if=/dev/zero of="$file" bs=1M count="$mib" 2>/dev/null || echo "pages: /dev/shm has no room for $mib MiB: figures will differ by chance" >&2
