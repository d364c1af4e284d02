"""CPython's own caches, for fuzz/pipe: a cache in another process.

    python3 cache.py [lru | ordereddict]

The protocol is described in fuzz/pipe/doc.go. lru is functools.lru_cache, around a function that asks the host. The
other is the cache that is written with an OrderedDict: what is used moves to the end, and what is evicted is popped from the
front. Keys are numbers, or objects with the hash that the host gives them.
"""
import os
import sys
import threading
from collections import OrderedDict

VERSION = sys.version_info[:2]
KIND = sys.argv[1] if len(sys.argv) > 1 else "lru"

HASHES = {}  # of keys that are objects


class Key(object):
    """A key whose hash the host has said."""
    __slots__ = ("n", "h")

    def __init__(self, n):
        self.n = n
        self.h = HASHES[n]

    def __hash__(self):
        return self.h

    def __eq__(self, other):
        return isinstance(other, Key) and self.n == other.n

    def __ne__(self, other):
        return not self == other


class Failed(Exception):
    """The host says that a computation fails."""


def key(n):
    return Key(n) if n in HASHES else n


def number(k):
    return k.n if isinstance(k, Key) else k


def say(text):
    OUT.write(text + "\n")
    OUT.flush()


def happen(*words):
    """Tell the host of an event and answer its questions until it lets us go on, and return what it says then."""
    say("event " + " ".join(map(str, words)))
    return serve(True)


class LRU(object):
    """functools.lru_cache."""
    parts = ["call", "clear", "info"]
    promises = ["policy=lru", "zero=empty", "clearresets=1", "callsonly=1"] + (["negative=empty"] if VERSION >= (3, 7) else [])

    def __init__(self, capacity):
        def compute(k):
            said = happen("miss", number(k))
            if not said:
                raise Failed()
            return said[0]
        from functools import lru_cache
        self.f = lru_cache(maxsize=capacity)(compute)

    def length(self):
        return self.f.cache_info().currsize

    def call(self, k):
        try:
            return self.f(key(k)),
        except Failed:
            return ()

    def clear(self):
        self.f.cache_clear()
        return ()

    def info(self):
        told = self.f.cache_info()
        return told.hits, told.misses, told.currsize, -1 if told.maxsize is None else told.maxsize


class Ordered(object):
    """An OrderedDict in the order of use."""
    parts = ["store", "peek", "contains", "remove", "removeoldest", "clear", "resize", "keys", "info", "evict"]
    promises = ["policy=lru", "zero=empty", "negative=empty", "clearresets=1"]

    def __init__(self, capacity):
        self.d = OrderedDict()
        self.capacity = max(capacity, 0)
        self.hits = self.misses = 0

    def length(self):
        return len(self.d)

    def get(self, k):
        k = key(k)
        if k not in self.d:
            self.misses += 1
            return ()
        self.hits += 1
        self.d.move_to_end(k)
        return self.d[k],

    def put(self, k, value):
        if self.capacity == 0:
            return 0,
        k = key(k)
        if k in self.d:
            self.d.move_to_end(k)
        self.d[k] = value
        self.shrink()
        return 1,

    def shrink(self):
        while len(self.d) > self.capacity:
            k, value = self.d.popitem(last=False)
            happen("evicted", number(k), value)

    def peek(self, k):
        found = self.d.get(key(k))
        return () if found is None else (found,)

    def contains(self, k):
        return int(key(k) in self.d),

    def remove(self, k):
        return int(self.d.pop(key(k), None) is not None),

    def removeoldest(self):
        if not self.d:
            return ()
        k, value = self.d.popitem(last=False)
        return number(k), value

    def clear(self):
        self.d.clear()
        self.hits = self.misses = 0
        return ()

    def resize(self, capacity):
        self.capacity = capacity
        self.shrink()
        return ()

    def keys(self):
        return tuple(number(k) for k in self.d)

    def info(self):
        return self.hits, self.misses, len(self.d), self.capacity


TYPE = {"lru": LRU, "ordereddict": Ordered}[KIND]
CACHE = [None]
OUT = os.fdopen(os.dup(1), "w")
IN = os.fdopen(0, "r", 1)


def do_reset(capacity, negative):
    HASHES.clear()
    CACHE[0] = TYPE(-capacity if negative else capacity)
    return ()


def do_key(n, h):
    HASHES[n] = h - 2 ** 64 if h >= 2 ** 63 else h
    return ()


def answer(verb, args):
    if verb == "reset":
        return do_reset(*args)
    if verb == "key":
        return do_key(*args)
    numbers = getattr(CACHE[0], verb)(*args)
    return (CACHE[0].length(),) + numbers


def serve(nested):
    """Answer questions until the end, or, inside an event, until the host says resume; return the numbers behind it."""
    while True:
        words = IN.readline().split()
        if not words or words[0] == "quit":
            os._exit(0)
        numbers = [int(w) for w in words[1:]]
        if words[0] == "resume" and nested:
            return numbers
        try:
            text = " ".join(["ok"] + ["%d" % n for n in answer(words[0], numbers)])
        except MemoryError:
            text = "nomem"
        except Exception as e:  # whatever it is, the host is told
            text = "fail %s: %s" % (type(e).__name__, e)
        say(text)


def hello():
    say(" ".join(["heapfuzz 1 cache name=cpython-%d.%d.%d/" % sys.version_info[:3] + KIND,
                  "parts=" + ",".join(TYPE.parts)] + TYPE.promises))


if __name__ == "__main__":
    if VERSION < (3, 2):
        sys.exit("this release has no such cache")
    threading.stack_size(1 << 28)
    hello()
    side = threading.Thread(target=serve, args=(False,))
    side.start()
    side.join()
