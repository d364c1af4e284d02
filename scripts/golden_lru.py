#!/usr/bin/env python3
"""Asks functools.lru_cache of the interpreter that runs it 10,000 calls each of several caches.

    python3.X golden_lru.py        a line for each cache
    python3 golden_lru.py list     interpreters found (by golden_dict.py): profile, version, path, separated by tabs

A line is: version, maxsize, hits, misses, currsize, and a checksum of the keys that were computed, in order: it tells
which key was evicted each time.  Every 997th call clears, every 13th computation fails, and every 7th calls another key.
fuzz/recorded/cache.go does the same.
"""
import functools
import sys
import zlib


def run(maxsize):
    state = [1]

    def draw(n):
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state[0] >> 33) % n

    crc, count, depth = [0], [0], [0]

    @functools.lru_cache(maxsize)
    def f(key):
        crc[0] = zlib.crc32(b"%d," % key, crc[0])
        count[0] += 1
        if depth[0] == 0:
            if count[0] % 13 == 0:
                raise ValueError
            if count[0] % 7 == 0:
                depth[0] = 1
                f(key + 1)
                depth[0] = 0
        return key

    for i in range(10000):
        if i % 997 == 996:
            f.cache_clear()
        try:
            f(draw(40) if i % 3 else draw(8))
        except ValueError:
            pass
    hits, misses, _, size = f.cache_info()
    version = "%d.%d" % sys.version_info[:2]
    print(version, maxsize, hits, misses, size, "%08x" % (crc[0] & 0xffffffff))


if __name__ == "__main__":
    if sys.argv[1:] == ["list"]:
        sys.dont_write_bytecode = True
        import golden_dict
        golden_dict.PROFILES = [p for p in golden_dict.PROFILES if p != "2.7"]  # which has no lru_cache
        golden_dict.list_interpreters()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for m in (0, 1, 2, 3, 7, 16, 30, 1000, None, -3):
            run(m)
